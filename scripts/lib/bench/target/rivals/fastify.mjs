// What everything is compared with: a bare Fastify JSON route.
import Fastify from 'fastify'

const app = Fastify({ bodyLimit: 4_194_304 })
app.post('/', async ({ body }, reply) => {
  reply.code(202)
  return { accepted: Array.isArray(body) ? body.length : 1 }
})
console.log(`${await app.listen({ port: 0, host: '127.0.0.1' })}/`)
