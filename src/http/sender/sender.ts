import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { isIP, type Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { memoizeLast } from '../../std/memoize-last.ts'
import { addressBlock, plainAddress } from './ip-address.ts'
import { isLoopbackPeer, peersIn } from './trusted-peers.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Known from the first hook on. Nothing else takes an address from a request. */
    sender: RequestSender
  }
}

/** Who sent a request, as far as its connection and the proxies that are trusted can say. */
export interface RequestSender {
  /** In its plain form; empty for a peer that is gone already. */
  readonly address: string
  /** What counts as one address for limits. */
  readonly block: string
  /** Whether the peer is a proxy that is trusted: only then its headers say anything of the sender. */
  readonly isForwarded: boolean
  /**
   * Whom limits by address do not concern: a peer on this machine that forwards for nobody (a probe, a sidecar, a test:
   * one address, many senders), and one that is gone already, which has no address any more.
   */
  readonly isExempt: boolean
}

/** At the other end of the connection, as it says; empty for a peer that is gone already. */
export const peerOf = ({ remoteAddress }: Socket): string => remoteAddress ?? ''

/** What counts as one address for limits, of the peer of a connection. */
export const blockOf = (socket: Socket): string => addressBlock(plainAddress(peerOf(socket)))

/** By which a proxy says that it is one. */
const FORWARDING: readonly string[] = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via']
/** More proxies in a row than anyone has; what is written beyond them is not read. */
export const MAX_HOPS = 32

export type Senders = (request: Pick<IncomingMessage, 'socket' | 'headers'>) => RequestSender

/** Told of each request that claims to be forwarded, by a peer at this address that is not trusted. */
export type OnUnbelieved = (peer: string) => void

/** `trustProxy`: addresses and networks of the proxies whose X-Forwarded-For is believed. */
export function createSenders(trustProxy: readonly string[], onUnbelieved: OnUnbelieved = ignore): Senders {
  const isTrusted = peersIn(trustProxy)
  /** What its address says of a peer, remembered: behind a proxy, and from a connection kept alive, the next is the same. */
  const whoIs = memoizeLast((remoteAddress) => {
    const address = plainAddress(remoteAddress)
    const isForwarded = isTrusted(address)
    return { address, block: addressBlock(address), isForwarded, isLoopback: isLoopbackPeer(address) }
  })

  /**
   * From the connection towards the sender, as long as whoever wrote an entry is trusted. What is no address (`unknown`,
   * `_hidden`, nothing at all) was written by the hop before it, and that hop then stands for its sender.
   */
  function beyond(peer: string, forwardedFor: string): string {
    let nearest = peer
    let end = forwardedFor.length
    for (let hop = 0; hop < MAX_HOPS && end >= 0; hop++) {
      const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(',', end - 1)
      const address = addressIn(forwardedFor.slice(comma + 1, end))
      if (address === undefined) return nearest
      nearest = address
      if (!isTrusted(nearest)) return nearest
      end = comma
    }
    return nearest
  }

  return ({ socket, headers }) => {
    const { remoteAddress } = socket
    if (remoteAddress === undefined) return GONE
    const { address: peer, block, isForwarded, isLoopback } = whoIs(remoteAddress)
    const forwardedFor = headers['x-forwarded-for']
    const isExempt = isLoopback && forwardsForNobody(headers)
    if (!isForwarded && (forwardedFor ?? headers.forwarded) !== undefined) onUnbelieved(peer)
    if (!isForwarded || forwardedFor === undefined) return { address: peer, block, isForwarded, isExempt }
    const address = beyond(peer, String(forwardedFor))
    return { address, block: addressBlock(address), isForwarded, isExempt }
  }
}

const ignore = () => {}
const GONE: RequestSender = { address: '', block: '', isForwarded: false, isExempt: true }

function forwardsForNobody(headers: IncomingHttpHeaders): boolean {
  for (const name of FORWARDING) if (headers[name] !== undefined) return false
  return true
}

/** Longest that an entry can be: an IPv6 address that ends as IPv4, a zone, brackets, a port and quotes. */
const MAX_ENTRY_CHARS = 128

/**
 * The address in an entry of X-Forwarded-For, with what proxies write around it: `192.0.2.1:4711` (Azure's gateways, AWS
 * with client port preservation), `[2001:db8::1]:4711`, quotes (RFC 7239), a zone.
 */
export function addressIn(entry: string): string | undefined {
  if (entry.length > MAX_ENTRY_CHARS) return undefined
  const text = entry.trim().replace(/^"(.*)"$/, '$1')
  const [, bracketed] = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text) ?? []
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? plainAddress(bracketed) : undefined
  if (isIP(text) !== 0) return plainAddress(text)
  const address = text.replace(/:\d{1,5}$/, '')
  return isIP(address) === 0 ? undefined : plainAddress(address)
}

/** To be called for every request, before anything else looks at it. */
export function knowSenders(
  app: FastifyInstance,
  trustProxy: readonly string[],
  onUnbelieved?: OnUnbelieved,
): (request: FastifyRequest) => void {
  const senderOf = createSenders(trustProxy, onUnbelieved)
  app.decorateRequest('sender')
  return (request) => {
    request.sender = senderOf(request.raw)
  }
}
