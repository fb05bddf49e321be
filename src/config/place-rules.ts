import { isIP } from 'node:net'
import { type ConfigFault, faultIf } from './faults.ts'
import type { Config } from './schema/config-schema.ts'

/** Values that are texts of the right kind, and lead nowhere: folders, hosts, networks, URLs and regions. */
export function placeFaults(config: Config): ConfigFault[] {
  const { aggregation, aws, dataDir, gateway, lake } = config
  const services = {
    aws,
    lake,
    'gateway.stream': gateway.stream,
    'gateway.credentials': gateway.credentials,
  }
  const hosts = {
    'gateway.listen': gateway.listen,
    'aggregation.listen': aggregation.listen,
    'gateway.operations.listen': gateway.operations.listen,
  }
  return [
    ...folderFaults(dataDir),
    ...Object.entries(hosts).flatMap(([path, listen]) => hostFaults(`${path}.host`, listen?.host ?? ANY)),
    ...gateway.trustProxy.flatMap((cidr, i) =>
      faultIf(!isCidr(cidr), `gateway.trustProxy.${i}`, 'must be an address or a CIDR such as 10.0.0.0/8'),
    ),
    ...Object.entries(services).flatMap(([path, { region, endpoint }]) => [
      ...faultIf(
        region !== undefined && !REGION.test(region),
        `${path}.region`,
        'must be a region such as eu-west-1',
      ),
      ...urlFaults(`${path}.endpoint`, endpoint, 'http://127.0.0.1:4566'),
    ]),
    ...urlFaults('aggregation.gatewayUrl', aggregation.gatewayUrl, 'http://10.0.0.7:8082'),
  ]
}

export interface ServicePlace {
  readonly region?: string
  readonly endpoint?: string
}

/** Without an endpoint, which is an emulator's or another vendor's, the region says where. */
export const located = (place: ServicePlace, aws: ServicePlace): boolean =>
  [place.region, place.endpoint, aws.region, aws.endpoint].some((value) => value !== undefined)

/** Other vendors' are of fewer parts: auto, fr-par. */
const REGION = /^[a-z0-9-]{1,32}$/

const FOLDER = 'must be a folder, such as /var/lib/headgate'

/** What a shell, or whoever reads a URL, would make another folder of: Headgate would make one of this very name. */
function folderFaults(dataDir: string): ConfigFault[] {
  const at = (broken: boolean, why: string) => faultIf(broken, 'dataDir', `${FOLDER}; ${why}`)
  return [
    ...at(dataDir.startsWith('~'), 'only a shell knows what ~ stands for: write the whole path'),
    ...at(
      /^\$[A-Za-z_{]/.test(dataDir),
      'variables are not read here: write the path, or set HEADGATE_DATA_DIR',
    ),
    ...at(/^[a-z][a-z0-9+.-]+:\/\//i.test(dataDir), 'it is a URL: write the path alone'),
    ...at(dataDir !== dataDir.trim(), 'it begins or ends with a blank'),
  ]
}

const ANY = '0.0.0.0'
const HOST = 'must be a host or an address alone, such as 0.0.0.0, ::1 or gateway.internal'
/** Labels as DNS has them, and with the underscores that orchestrators give their own names. */
const LABELS = /^[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,126}\.?$/
/** What has four numbers is an address or nothing: https://www.rfc-editor.org/rfc/rfc9110#section-4.2.3 */
const FOUR_NUMBERS = /^\d+(?:\.\d+){3}$/

function hostFaults(path: string, host: string): ConfigFault[] {
  if (isIP(host) !== 0 || (LABELS.test(host) && !FOUR_NUMBERS.test(host))) return []
  return [{ path, message: `${HOST}; ${whyNoHost(host)}` }]
}

function whyNoHost(host: string): string {
  if (host.includes('://')) return 'it is a URL'
  if (host.startsWith('[')) return 'brackets are for URLs'
  if (/^[^:]*:\d*$/.test(host)) return 'the port has a key of its own'
  return 'it is neither'
}

function urlFaults(path: string, url: string | undefined, example: string): ConfigFault[] {
  return faultIf(url !== undefined && !URL.canParse(url), path, `must be a URL such as ${example}`)
}

/** A boolean or a hop count would trust whoever writes X-Forwarded-For: only addresses and networks are taken. */
function isCidr(text: string): boolean {
  const [address = '', prefix = '0', ...rest] = text.split('/')
  const bits = isIP(address) === 4 ? 32 : 128
  return isIP(address) !== 0 && rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits
}
