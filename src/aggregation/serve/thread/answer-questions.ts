import type { MessagePort } from 'node:worker_threads'
import { AppError } from '../../../std/errors.ts'
import type { AnswerText, Queries, QueryContext } from '../query-port.ts'
import { carried } from './carried-failure.ts'
import type { FromQueryThread, Question, ToQueryThread } from './thread-messages.ts'

/** The thread's side: answers each question once, in whatever order they end. */
export function answerQuestions(port: MessagePort, queries: Queries): void {
  const underWay = new Map<number, AbortController>()

  /** Never rejects: what goes wrong is an answer as well. */
  async function answer({ id, question, asking }: Extract<ToQueryThread, { kind: 'ask' }>): Promise<void> {
    const cancelling = new AbortController()
    underWay.set(id, cancelling)
    const told = await answerTo(queries, question, { ...asking, signal: cancelling.signal }).then(
      (answer): FromQueryThread => ({ kind: 'answer', id, answer }),
      (error: unknown): FromQueryThread => ({ kind: 'failure', id, failure: carried(error) }),
    )
    underWay.delete(id)
    port.postMessage(told)
  }

  port.on('message', (message: ToQueryThread) => {
    if (message.kind === 'ask') return answer(message)
    underWay.get(message.id)?.abort(new AppError('cancelled', 'Nobody waits for the answer.'))
    return undefined
  })
}

function answerTo(queries: Queries, question: Question, asking: QueryContext): Promise<AnswerText> {
  switch (question.kind) {
    case 'series':
      return queries.series(question.query, asking)
    case 'top':
      return queries.top(question.query, asking)
    case 'histogram':
      return queries.histogram(question.query, asking)
    case 'compare':
      return queries.compare(question.query, asking)
    case 'changes':
      return queries.changes(question.query, asking)
    case 'releases':
      return queries.releases(question.query, asking)
    case 'objectives':
      return queries.objectives(question.query, asking)
    case 'alerts':
      return queries.alerts(question.query, asking)
    case 'metrics':
      return queries.metrics(question.query, asking)
  }
}
