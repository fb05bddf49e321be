import { shownOrigin } from '../../http/sender/origin.ts'
import { AppError } from '../../std/errors.ts'

/** Says which Origin it was, as far as it is one, and where the list is: whoever reads it is who sent it. */
export function originRefused(app: string, sent: string): AppError {
  const origin = shownOrigin(sent)
  if (sent === 'null')
    return new AppError(
      'origin_not_allowed',
      `The Origin is null: that of sandboxed frames and of pages opened as files, which no list takes. Serve the page from a host, and add its origin to \`origins\` of the app "${app}" in the configuration.`,
    )
  const which = origin === undefined ? 'What was sent as Origin' : `The Origin ${origin}`
  return new AppError(
    'origin_not_allowed',
    `${which} is not among the \`origins\` of the app "${app}" in the configuration.`,
  )
}
