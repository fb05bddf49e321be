import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../../../std/errors.ts'
import type { Assets } from './assets.ts'

export interface DashboardPorts {
  readonly assets: Assets
}

interface File {
  Params: { file?: string }
}

/** Files that hold no data and need no token: the page asks for one and sends it with every query. */
export async function dashboardRoutes(app: FastifyInstance, { assets }: DashboardPorts): Promise<void> {
  const schema = { hide: true, response: {} }

  app.get('/', { schema, handler: async (_request, reply) => reply.redirect('/dashboard') })
  app.get<File>('/dashboard', { schema, handler: serve })
  app.get<File>('/dashboard/:file', { schema, handler: serve })

  async function serve({ params, headers }: FastifyRequest<File>, reply: FastifyReply) {
    const asset = assets.get(params.file ?? 'index.html')
    if (asset === undefined) throw new AppError('not_found', 'The dashboard has no such file.')
    // Kept, but asked for each time: a new release shows at once.
    reply.header('cache-control', 'no-cache').header('etag', asset.etag)
    if (headers['if-none-match'] === asset.etag) return reply.code(304).send()
    return reply.type(asset.type).send(asset.body)
  }
}
