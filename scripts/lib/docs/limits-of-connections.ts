import { ends, type Limit } from './limits-of-clients.ts'

const turns = 'http/address-turns.ts'
const connections = 'http/connections.ts'
const unread = 'http/unread.ts'

export const connectionLimits: readonly Limit[] = [
  {
    what: 'A connection to a private listener, between two requests',
    at: ['http/server.ts', 'KEEP_ALIVE_TIMEOUT_MS'],
    beyond: 'it is closed',
  },
  {
    what: 'A connection whose sender has ended its side, while nothing moves',
    at: ['http/half-open.ts', 'HALF_OPEN_TIMEOUT_MS'],
    beyond: 'it is closed',
  },
  {
    what: 'Requests of one connection that were sent ahead, and are worked at',
    at: ['http/pipelines.ts', 'PIPELINE_LIMITS.atWork'],
    beyond: 'those behind them wait for their turn',
    unit: 'requests',
  },
  {
    what: '… of all connections, that begin in one round of the loop',
    at: ['http/pipelines.ts', 'PIPELINE_LIMITS.aRound'],
    beyond: 'the others wait for the next',
    unit: 'requests',
  },
  {
    what: '… of one connection, that wait for their turn',
    at: ['http/pipelines.ts', 'PIPELINE_LIMITS.waiting'],
    beyond: `${ends('address_limit')}, and the connection is closed`,
    unit: 'requests',
  },
  {
    what: '… of all connections, that wait, with what was read of their bodies',
    at: ['http/pipelines.ts', 'PIPELINE_LIMITS.heldBytes'],
    beyond: `${ends('address_limit')}, and the connection is closed`,
  },
  {
    what: '… of one address, in a round of the loop',
    at: [turns, 'SENT_AHEAD_LIMITS.aRound'],
    beyond: 'its connections are read one in a round, until each was read',
    unit: 'requests',
  },
  {
    what: '… of one address, that have no answer yet',
    at: [turns, 'SENT_AHEAD_LIMITS.unanswered'],
    beyond: 'connections of the address that send ahead, and new ones, are read when some are answered',
    unit: 'requests',
  },
  {
    what: '… of one address, in a second, in the long run',
    at: [turns, 'SENT_AHEAD_LIMITS.aSecond'],
    beyond: 'the same connections are read when it is paid for',
    unit: 'requests',
  },
  {
    what: '… of one address, at once, before that holds',
    at: [turns, 'SENT_AHEAD_LIMITS.burst'],
    beyond: 'that holds',
    unit: 'requests',
  },
  {
    what: 'Time in which nothing is taken of an answer',
    at: [connections, 'UNTAKEN_TIMEOUT_MS'],
    beyond: 'the connection is closed',
  },
  {
    what: '… by a connection that sent requests ahead',
    at: [connections, 'UNTAKEN_AHEAD_TIMEOUT_MS'],
    beyond: 'the connection is closed',
  },
  {
    what: 'Answers that one address does not take',
    at: [connections, 'UNTAKEN_SHARE_BYTES'],
    beyond: 'its connections are closed, those first that have taken nothing for longest, until it is less',
  },
  {
    what: 'A body that nobody wants, such as that of a refused request',
    at: [unread, 'MAX_DRAINED_BYTES'],
    beyond: 'the answer says `connection: close`; what is read is taken from the limit of the address',
  },
  {
    what: '… and the time until its end, where its length is not announced',
    at: [unread, 'UNANNOUNCED_MS'],
    beyond: 'as above',
  },
  {
    what: 'What is read behind an answer that says so',
    at: [unread, 'MAX_LINGER_BYTES'],
    beyond: 'the connection is reset',
  },
  {
    what: '… and for how long',
    at: [unread, 'UNREAD_LINGER_MS'],
    beyond: 'the connection is reset',
  },
  {
    what: 'Headers that a preflight may ask for',
    at: ['http/cors.ts', 'MAX_ASKED_CHARS'],
    beyond: 'those behind them are not allowed',
  },
  {
    what: '… and their names',
    at: ['http/cors.ts', 'MAX_ASKED_HEADERS'],
    beyond: 'those behind them are not allowed',
    unit: 'names',
  },
]
