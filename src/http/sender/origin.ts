import { isIPv4 } from 'node:net'

/** What the `origins` of an app may say, and what of it a browser sends. */
export type ListedOrigin =
  | { readonly kind: 'origin'; readonly normal: string }
  | { readonly kind: 'fault'; readonly why: string }

const EXAMPLE = 'https://shop.example.com'
/** Whose pages have no origin of their own (`null`), or which are no pages. */
const NO_PAGES = ['about', 'blob', 'data', 'ftp', 'javascript', 'mailto', 'ws', 'wss']
/** Names below which strangers have theirs, as far as they are not `co.uk` and its like. */
const SHARED = [
  ...['amazonaws.com', 'amplifyapp.com', 'appspot.com', 'azureedge.net', 'azurestaticapps.net'],
  ...['azurewebsites.net', 'blogspot.com', 'cloudfront.net', 'firebaseapp.com', 'fly.dev', 'github.io'],
  ...['gitlab.io', 'herokuapp.com', 'myshopify.com', 'netlify.app', 'ngrok.io', 'ngrok-free.app'],
  ...['onrender.com', 'pages.dev', 'railway.app', 'run.app', 'surge.sh', 'trycloudflare.com'],
  ...['vercel.app', 'web.app', 'wixsite.com', 'workers.dev'],
]
const SECOND_LEVEL = /^(ac|co|com|edu|go|gob|gov|ltd|me|ne|net|nom|or|org|plc|sch)\.[a-z]{2}$/
/** What a host and a port may be written with; whether they are any, URL says. Nobody listens on port 0. */
const AUTHORITY = /^(\[[0-9a-f:.]{2,45}\]|[^\s/?#@\\:[\]%]{1,253})(:[1-9]\d{0,4})?$/i
const PORT = /:\d+$/
/** Labels that are empty, or begin or end with a hyphen: no name has any (RFC 1123, 2.1), but for a dot at its end. */
const NO_NAME = /^[.-]|\.[.-]|-\.|-$/

const fault = (why: string): ListedOrigin => ({ kind: 'fault', why })
const listed = (normal: string): ListedOrigin => ({ kind: 'origin', normal })

/** An origin as configured → as requests are compared with it: lower case, punycode, no default port. */
export function readOrigin(text: string): ListedOrigin {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]{0,31}):\/\/(.*)$/i.exec(text) ?? []
  if (text === 'null')
    return fault('is the Origin of sandboxed frames and local files of everybody, and is never taken')
  if (scheme === '') return fault(`must begin with a scheme, as browsers send it${schemeless(text)}`)
  if (NO_PAGES.includes(scheme.toLowerCase()))
    return fault(`is no address of pages; such as ${EXAMPLE} is one`)
  if (!/^https?$/i.test(scheme)) return ofAnotherScheme(scheme.toLowerCase(), rest)
  const isWild = rest.startsWith('*.')
  const host = isWild ? rest.slice(2) : rest
  if (host.includes('*'))
    return fault(
      'may have a wildcard only as "*." at the beginning of the host, such as https://*.example.com',
    )
  if (!AUTHORITY.test(host) || !URL.canParse(`${scheme}://${host}`))
    return fault(`must be a scheme, a host and perhaps a port, as browsers send it${suggestion(text, text)}`)
  const { origin, hostname, protocol } = new URL(`${scheme}://${host}`)
  if (NO_NAME.test(hostname))
    return fault('must have a host whose labels are not empty, and begin and end with a letter or digit')
  if (!isWild)
    return isIPv4(hostname) && !isIPv4(host.replace(PORT, ''))
      ? fault(`is the short form of an address, which browsers send as ${origin}: write that, if it is meant`)
      : listed(origin)
  return isShared(hostname)
    ? fault(
        `would take pages of strangers: "*." needs a name of your own behind it, such as https://*.example.com`,
      )
    : listed(`${protocol}//*.${origin.slice(protocol.length + 2)}`)
}

/** Apps in web views and browser extensions: `capacitor://localhost`, `chrome-extension://<id>`. */
function ofAnotherScheme(scheme: string, rest: string): ListedOrigin {
  if (rest === '' && scheme === 'file') return listed('file://')
  if (rest.includes('*')) return fault('may have a wildcard only with https and http')
  if (!AUTHORITY.test(rest)) {
    const [host = ''] = rest.split(/[/?#]/)
    const right = AUTHORITY.test(host)
      ? `: ${scheme}://${host.toLowerCase()}`
      : ', such as capacitor://localhost'
    return fault(`must be the scheme and the host alone, without anything behind them${right}`)
  }
  return listed(`${scheme}://${rest.toLowerCase()}`)
}

/** What was probably meant, where it can be told; never what stands before an @. */
function suggestion(url: string, text: string): string {
  if (!/^https?:\/\/[^*]*$/i.test(url) || !URL.canParse(url) || new URL(url).port === '0')
    return `, such as ${EXAMPLE}`
  const { origin } = new URL(url)
  return `: ${origin}${text === `${origin}/` ? ', without the slash at the end' : ''}`
}

const schemeless = (text: string): string =>
  text.includes('.') ? suggestion(`https://${text}`, text) : `, such as ${EXAMPLE}`

/** A dot at the end makes a name no other one. */
function isShared(hostname: string): boolean {
  const name = hostname.replace(/\.$/, '')
  if (name === 'localhost') return false
  return !name.includes('.') || /^[\d.]+$|^\[/.test(name) || SECOND_LEVEL.test(name) || SHARED.includes(name)
}

/** The header of a request, as browsers write it: lower case, no default port. */
export function normalOrigin(origin: string): string {
  return origin
    .toLowerCase()
    .replace(/^(http:.*):80$/, '$1')
    .replace(/^(https:.*):443$/, '$1')
}

/** A scheme, a host, a port, as a browser writes them; a name has at most 253 characters (RFC 1035). */
const WRITTEN = /^[a-z][a-z\d+.-]{0,30}:\/\/[\w.:[\]-]{1,253}$/i

/** The header of a request as it may stand in a log or an answer; undefined for what names no page. */
export const shownOrigin = (origin: string): string | undefined =>
  WRITTEN.test(origin) ? origin.toLowerCase() : undefined

/** What may stand for the star, between dots: the rest of an origin is written with more, and would be anybody's. */
const LABEL = /^[a-z0-9_-]+$/
/** A scheme, the longest name that DNS knows, a port, and some room. */
const MAX_ORIGIN_LENGTH = 320

/** The listed forms that let this Origin in, the most particular first: itself, then `*.` for its first labels. */
export function* formsOf(origin: string): Generator<string> {
  const normal = normalOrigin(origin)
  // A star is how they are listed: no browser sends one.
  if (normal.length > MAX_ORIGIN_LENGTH || normal.includes('*')) return
  yield normal
  const [scheme] = /^https?:\/\//.exec(normal) ?? []
  if (scheme === undefined) return
  for (let label = scheme.length, dot = normal.indexOf('.'); dot !== -1; dot = normal.indexOf('.', label)) {
    if (!LABEL.test(normal.slice(label, dot))) return
    yield `${scheme}*${normal.slice(dot)}`
    label = dot + 1
  }
}
