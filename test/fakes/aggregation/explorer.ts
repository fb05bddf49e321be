import { createExplorer } from '../../../src/aggregation/explore/explorer.ts'
import { AppError } from '../../../src/std/errors.ts'
import { memoryLake } from './lake.ts'

/** One whose lake has nothing in it, so that nothing is read. */
export const emptyExplorer = createExplorer({
  lake: memoryLake(),
  arrivals: { touching: async () => [], locate: async (keys) => keys },
  openSession: async () => {
    throw new AppError('internal', 'Nothing is there to read')
  },
  askGateway: async () => null,
  lastIngest: () => ({ notIngested: 0 }),
  as: { grainMs: 900_000, bots: 'exclude' },
})
