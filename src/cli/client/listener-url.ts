/** Where a listener of this configuration is reached from this machine; one on every address, on loopback. */
export const urlOf = ({ host, port }: { readonly host: string; readonly port: number }): string =>
  `http://${reachable(host)}:${port}`

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
