import t from 'tap'
import { memoryJournal } from '../../../../src/gateway/journal/memory/memory-journal.ts'
import { journalContract } from '../../../contracts/journal.ts'

journalContract(t, 'memory', {
  durability: 'memory',
  open: async (_, maxBytes) => memoryJournal({ maxBytes }),
})
