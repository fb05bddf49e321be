import { shownOrigin } from '../../http/sender/origin.ts'
import { AppError } from '../../std/errors.ts'

/** Says on which list the Origin is not, and never which it was: the log and `headgate status` tell that to operators. */
export function originRefused(app: string, sent: string): AppError {
  if (sent === 'null')
    return new AppError(
      'origin_not_allowed',
      `The Origin is null: that of sandboxed frames and of pages opened as files, which no list takes. Serve the page from a host, and add its origin to \`origins\` of the app "${app}" in the configuration.`,
    )
  const which = shownOrigin(sent) === undefined ? 'What was sent as Origin' : 'The Origin of the page'
  return new AppError(
    'origin_not_allowed',
    `${which} is not among the \`origins\` of the app "${app}" in the configuration.`,
  )
}
