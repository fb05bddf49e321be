import { AppError } from '../errors.ts'

/** The shortest secret that is taken from a variable: what is made with one that can be guessed can be reversed. */
const MIN_SECRET_CHARS = 32
/** A variable that nothing put in the place of its name: `$NAME`, `${NAME}`, `$(NAME)`, `%NAME%`, `{{ name }}`. */
const UNEXPANDED = /^(\$\w+|\$\{.*\}|\$\(.*\)|%\w+%|\{\{.*\}\})$/s

/** `path` is the key of the configuration that names the variable. What the secret is, is never said. */
export function assertStrongSecret(secret: string, path: string): void {
  const text = secret.trim()
  if (text.length < MIN_SECRET_CHARS) {
    throw new AppError(
      'bad_configuration',
      `${path} must name a variable with, blanks around it aside, at least ${MIN_SECRET_CHARS} characters`,
    )
  }
  if (!UNEXPANDED.test(text)) return
  throw new AppError(
    'bad_configuration',
    `${path} must name a variable that holds a secret; it holds the name of another one, which nothing expanded`,
  )
}
