import { type Config, parseConfig, variableFault } from '../../config/parse.ts'
import { aborted } from '../../std/async/abort.ts'
import { systemClock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'
import { systemEntropy } from '../../std/id.ts'
import { isDigits } from '../../std/input/quantities.ts'
import { createTelemetry } from '../../std/telemetry.ts'
import { remoteGatewayOf } from '../../wiring/ask-gateway.ts'
import { instanceOf } from '../../wiring/gateway.ts'
import { openLake } from '../../wiring/open-lake.ts'
import type { GatewaySystem } from '../../wiring/system.ts'
import { startWorkerPool } from '../serve/cluster.ts'
import { type GatewayHandle, inProcessGateway, workerGateway } from '../serve/gateway-handle.ts'
import { listenAddressesOf, type Modules, openListeners } from '../serve/listeners.ts'
import { inForce, logged, readAgain, reloadsOf, spoken } from '../serve/reload.ts'
import { endInTime, stop } from '../serve/shutdown.ts'
import { startBanner } from '../serve/start-banner.ts'
import { tryListenAddresses } from '../serve/try-listeners.ts'
import { ownDataFolder } from '../setup/data-folder.ts'
import { type DevApp, withoutApps } from '../setup/dev-app.ts'
import { loadConfig, warn } from '../setup/load.ts'
import { CONFIG_OPTION, type Command, type Flags, type Option } from '../terminal/command.ts'
import { type HumanLog, humanLog } from '../terminal/log-lines.ts'
import { refuseWorkersOn, warnOfRuntime } from '../terminal/node-version.ts'
import type { Terminal } from '../terminal/terminal.ts'

const WORKERS_VARIABLE = 'HEADGATE_GATEWAY_WORKERS'

const WORKERS_OPTION: Readonly<Record<string, Option>> = {
  workers: {
    type: 'string',
    value: 'N',
    help: 'Processes that take beacons.',
    byDefault: 'gateway.workers, which is 1 unless it is set',
  },
}

const JSON_OPTION: Readonly<Record<string, Option>> = {
  json: { type: 'boolean', help: 'Lines of JSON on a terminal as well; elsewhere they always are.' },
}

export const serveCommand = command('serve', { gateway: true, aggregation: true }, [
  'Run everything in one process: gateway, aggregation, dashboard.',
  `The public gateway and the private aggregation listener, each on its own port. With --workers the gateway runs in
processes of its own, beside the aggregation in this one.`,
])

export const gatewayCommand = command('gateway', { gateway: true, aggregation: false }, [
  'Run the public gateway only.',
  'Takes beacons and delivers them. /metrics and /reconcile are served on gateway.operations.listen, when that is set.',
])

export const aggregationCommand = command('aggregation', { gateway: false, aggregation: true }, [
  'Run the private aggregation module only: runs, queries, dashboard.',
  'Rolls up what lies in the lake. The dashboard asks aggregation.gatewayUrl for the state of the gateway.',
])

function command(name: string, modules: Modules, [summary, description]: readonly [string, string]): Command {
  return {
    name,
    summary,
    description: `${description}
Ends at SIGTERM or SIGINT: stops taking requests, delivers what it accepted, exits 0. SIGHUP reads apps and tokens again.`,
    options: { ...CONFIG_OPTION, ...(modules.gateway && WORKERS_OPTION), ...JSON_OPTION },
    isService: true,
    // A worker runs the command line of its primary, and of that the gateway.
    run: ({ flags }, terminal) =>
      serve(terminal.primary ? { gateway: true, aggregation: false } : modules, flags, terminal),
  }
}

/** What is served, and how. */
interface Start {
  readonly config: Config
  /** The configuration as it is to be now. */
  readonly read: () => Promise<Config>
  readonly dev: DevApp | undefined
  readonly modules: Modules
  readonly isJson: boolean
  /** Takes what is to be done at a reload. */
  readonly reloads: ReturnType<typeof reloadsOf>
}

async function serve(modules: Modules, flags: Flags, terminal: Terminal): Promise<number> {
  const start = { modules, isJson: flags['json'] === true, reloads: reloadsOf(terminal) }
  const { primary } = terminal
  if (primary !== undefined) {
    // A worker has a primary that has looked at all this, and says what holds.
    const read = async () => parseConfig(await primary.configuration(), {})
    return serveConfigured({ ...start, config: await read(), read, dev: undefined }, terminal)
  }
  const loaded = await configured(flags, terminal)
  if (modules.gateway && loaded.gateway.workers > 1) refuseWorkersOn(process.versions.node)
  warn(loaded, terminal)
  await tryListenAddresses(listenAddressesOf(loaded, modules))
  await ownDataFolder(loaded.dataDir)
  const dev = await withoutApps(loaded, systemEntropy)
  const withDev = (config: Config) => dev?.of(config) ?? config
  const read = async () => withDev(await configured(flags, terminal))
  try {
    return await serveConfigured({ ...start, config: withDev(loaded), read, dev }, terminal)
  } catch (error) {
    await dev?.forget()
    throw error
  }
}

async function serveConfigured(
  { config, read, dev, modules, isJson, reloads }: Start,
  terminal: Terminal,
): Promise<number> {
  const human = terminal.interactive && !isJson ? humanLog(terminal) : undefined
  const system = await systemOf(config, human, terminal)
  const { log } = system.telemetry
  let state: true | string = 'The listeners are not bound yet.'
  const gateway = modules.gateway ? await gatewayHandleOf(config, system, terminal) : undefined
  const ready = () => (state === true ? (gateway?.isReady() ?? true) : state)
  const askElsewhere = remoteGatewayOf(config, terminal.env, log)
  const options = { config, system, modules, ready, gateway, askElsewhere }
  const end = { totalMs: config.shutdown.totalMs, log, gateway }
  const { aggregation, listeners, reload, urls } = await open(options, terminal).catch(
    async (error: unknown) => {
      // What is open already would keep a process alive that serves nobody.
      gateway?.ending()
      await endInTime(end, async () => gateway?.close(0))
      throw error
    },
  )
  const { tick: tickMs, enabled: scheduled } = config.aggregation.schedule
  const ending = new AbortController()
  const working = aggregation && [
    aggregation.runs.start(ending.signal, { tickMs, scheduled }),
    aggregation.lakeWork.erasures.start(ending.signal),
  ]
  state = true
  if (human === undefined) greet(dev, terminal)
  else if (terminal.primary === undefined) terminal.out(startBanner({ config, dev, urls: urls() }))
  human?.started()
  terminal.primary?.send({ kind: 'ready', port: Number(gateway?.port()) })
  const telling = {
    tell: human === undefined ? logged(log) : spoken(terminal),
    isWorker: terminal.primary !== undefined,
  }
  reloads(() =>
    readAgain(config, telling, async () => {
      const next = await read()
      const changed = inForce(config, next)
      gateway?.reload(changed)
      reload(changed)
      return next
    }),
  )

  await aborted(terminal.stop)
  state = 'This instance is shutting down.'
  log.info('shutting down')
  const endRuns = async () => {
    ending.abort()
    await Promise.all(working ?? [])
  }
  return endInTime(end, (failed) => stop({ config, clock: systemClock, listeners, gateway, failed }, endRuns))
}

/** Only now: whoever cannot start has made nothing that a person needs. Beside the log, which holds no secrets. */
function greet(dev: DevApp | undefined, terminal: Terminal): void {
  if (dev?.isNew !== true) return
  terminal.err(`No apps are configured: made the app "dev" for this machine (kept in ${dev.path}; \`headgate key show-dev\` shows it again).
${dev.lines}`)
}

/** `--workers` wins over the file and the environment. */
function configured({ workers, ...flags }: Flags, terminal: Terminal): Promise<Config> {
  const given = workers === undefined ? {} : { [WORKERS_VARIABLE]: workersOf(String(workers)) }
  return loadConfig(flags, { ...terminal, env: { ...terminal.env, ...given } })
}

/** In the words of the option: what the variable is called is no concern of who gave it. */
function workersOf(text: string): string {
  // A variable is JSON, where a number may look otherwise.
  const why = variableFault(WORKERS_VARIABLE, isDigits(text) ? text : 'none')
  if (why === undefined) return text
  throw new AppError('invalid_request', `--workers ${why}, as in --workers 4; "${text}" is none`)
}

async function systemOf(
  config: Config,
  human: HumanLog | undefined,
  { primary, out, env }: Terminal,
): Promise<GatewaySystem> {
  const { log, metrics } = createTelemetry(config.logLevel, human ?? { write: out })
  if (!primary) warnOfRuntime(process.versions.node, log)
  const telemetry = { log: primary ? log.child({ worker: primary.index }) : log, metrics }
  const lake = await openLake(config, systemClock, telemetry)
  return { clock: systemClock, entropy: systemEntropy, telemetry, lake, env }
}

async function gatewayHandleOf(
  config: Config,
  system: GatewaySystem,
  terminal: Terminal,
): Promise<GatewayHandle> {
  const { workers } = config.gateway
  if (terminal.primary) return workerGateway(config, system, terminal.primary)
  if (workers === 1) return inProcessGateway(config, system)
  // Workers are one gateway: they have its name from here.
  const gateway = { ...config.gateway, instance: await instanceOf(config, system) }
  return startWorkerPool({ ...system, config: { ...config, gateway }, fork: terminal.fork })
}

/** Until all is open and all workers take requests, or until the command is to end. */
async function open(options: Parameters<typeof openListeners>[0], { stop }: Terminal) {
  const opened = await openListeners(options)
  try {
    await Promise.race([options.gateway?.started, aborted(stop)])
    return opened
  } catch (error) {
    await Promise.all(opened.listeners.map(({ server }) => server.close()))
    throw error
  }
}
