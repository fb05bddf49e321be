import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { isAhead } from './address-turns.ts'
import { blockOf } from './sender/sender.ts'

/** Bounds what connections cost: some 5 KB each while idle, 12 KB with a request begun. */
export const MAX_CONNECTIONS = 10_000
/** From here on newcomers take the place of connections that do nothing, so that those never lock anyone out. */
export const CROWDED_CONNECTIONS = 9_000
/** Looking for idle connections passes over all of them, so only every so many newcomers. */
const NEWCOMERS_A_SEARCH = 100

export interface ConnectionLimits {
  readonly max: number
  readonly crowded: number
}

const limits: ConnectionLimits = { max: MAX_CONNECTIONS, crowded: CROWDED_CONNECTIONS }

/**
 * Keeps connections below `max`; who comes then is turned away by the kernel's end of the line. Between `crowded` and
 * `max`, room is made: connections kept alive between two requests go first, as every client must expect (RFC 9112,
 * section 9.5), then, one for one, whoever has waited longest with a first request. What is being answered stays.
 */
export function boundConnections(server: Server, { max, crowded }: ConnectionLimits = limits): void {
  /** Have not brought a request yet; oldest first. */
  const silent = new Set<Socket>()
  let open = 0
  let newcomers = 0
  server.maxConnections = max

  server.on('connection', (socket) => {
    open++
    silent.add(socket)
    socket.once('close', () => {
      open--
      silent.delete(socket)
    })
    if (open > crowded) makeRoom()
  })
  server.on('request', ({ socket }) => silent.delete(socket))

  function makeRoom(): void {
    if (newcomers++ % NEWCOMERS_A_SEARCH === 0) server.closeIdleConnections()
    const [oldest] = silent
    // The newcomer itself has had no time yet.
    if (silent.size > 1) oldest?.destroy()
  }
}

/** What nginx gives a client between two writes (`send_timeout`). */
export const UNTAKEN_TIMEOUT_MS = 60_000
/** For whoever sent requests ahead, and keeps others of its address waiting by not reading. Ours. */
export const UNTAKEN_AHEAD_TIMEOUT_MS = 10_000
/** Answers of one address that lie here: Node makes no more for a connection beyond 64 KiB. Ours. */
export const UNTAKEN_SHARE_BYTES = 8_388_608
const SWEEP_MS = 1_000

export interface UntakenLimits {
  readonly timeoutMs: number
  readonly aheadTimeoutMs: number
  readonly shareBytes: number
  readonly sweepMs: number
}

interface Written extends Pick<Socket, 'bytesWritten' | 'writableLength'> {
  /** Node's own timeout of a socket goes by it (lib/net.js, `_onTimeout`), its types do not know it. Gone with the connection. */
  readonly _handle?: { readonly writeQueueSize: number } | null
}

/**
 * What the kernel has of its answers, of an answer that is written in one piece as well: `writableLength` has all of that
 * until the last byte is gone.
 */
export const takenOf = ({ bytesWritten, writableLength, _handle }: Written): number =>
  bytesWritten - writableLength - (_handle?.writeQueueSize ?? 0)

/** A connection whose answers lie here. */
interface Stall {
  /** What counts as its address. */
  readonly block: string
  /** What it had taken before. */
  readonly takenBytes: number
  sweeps: number
}

const LIMITS: UntakenLimits = {
  timeoutMs: UNTAKEN_TIMEOUT_MS,
  aheadTimeoutMs: UNTAKEN_AHEAD_TIMEOUT_MS,
  shareBytes: UNTAKEN_SHARE_BYTES,
  sweepMs: SWEEP_MS,
}

/**
 * Ends connections that do not take their answers, which nothing in Node does: each holds memory for as long as its client
 * likes. Of an address that leaves more than its share, those go first that have not moved for longest. Looks for them now
 * and then, so that it costs nothing per request.
 */
export function boundUntaken(server: Server, limits: Partial<UntakenLimits> = {}): void {
  const { timeoutMs, aheadTimeoutMs, shareBytes, sweepMs } = { ...LIMITS, ...limits }
  const open = new Set<Socket>()
  /** A Map keeps their order: those that have not moved for longest come first. */
  const stalls = new Map<Socket, Stall>()

  server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => {
      open.delete(socket)
      stalls.delete(socket)
    })
  })
  const sweeping = setInterval(sweep, sweepMs).unref()
  server.once('close', () => clearInterval(sweeping))

  function sweep(): void {
    for (const socket of open) look(socket)
    endBeyondShare()
  }

  function look(socket: Socket): void {
    if (socket.writableLength === 0) {
      stalls.delete(socket)
      return
    }
    const takenBytes = takenOf(socket)
    const stall = stalls.get(socket)
    if (stall?.takenBytes !== takenBytes) {
      stalls.delete(socket)
      stalls.set(socket, { block: stall?.block ?? blockOf(socket), takenBytes, sweeps: 0 })
    } else if (++stall.sweeps * sweepMs >= (isAhead(socket) ? aheadTimeoutMs : timeoutMs)) socket.destroy()
  }

  function endBeyondShare(): void {
    const held = new Map<string, number>()
    for (const [{ writableLength }, { block }] of stalls)
      held.set(block, (held.get(block) ?? 0) + writableLength)
    for (const [socket, { block }] of stalls) {
      const bytes = Number(held.get(block))
      if (bytes <= shareBytes) continue
      held.set(block, bytes - socket.writableLength)
      socket.destroy()
    }
  }
}
