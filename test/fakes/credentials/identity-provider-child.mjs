// An identity provider that nobody here wrote, in a process of its own, so that it can be killed.
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'

const { port, key, audience } = JSON.parse(process.argv[2])
process.on('disconnect', () => process.exit())

const server = createServer()
server.listen(port, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(url, {
    jwks: { keys: [key] },
    clients: [
      {
        client_id: 'app',
        client_secret: 'secret',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        getResourceServerInfo: () => ({
          ...{ scope: 'beacons:write', audience, accessTokenFormat: 'jwt' },
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    ttl: { ClientCredentials: 600 },
  })
  server.on('request', provider.callback())
  process.send({ port: server.address().port })
})
