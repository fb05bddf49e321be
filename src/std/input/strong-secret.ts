import { AppError } from '../errors.ts'

/** The shortest secret that is taken from a variable: what is made with one that can be guessed can be reversed. */
const MIN_SECRET_CHARS = 32
/** A variable that nothing put in the place of its name: `$NAME`, `${NAME}`, `$(NAME)`, `%NAME%`, `{{ name }}`. */
const UNEXPANDED = /^(\$\w+|\$\{.*\}|\$\(.*\)|%\w+%|\{\{.*\}\})$/s

/**
 * The shortest secret by which somebody is known to another server: whoever guesses it is that somebody. NIST SP 800-63B-4,
 * 3.1.1.2, wants 15 characters of a password that stands alone; ours is a round number.
 */
export const MIN_TOKEN_CHARS = 16

/** What a variable should hold that holds this secret, if it is a weak one. What the secret is, is never said. */
export function weaknessOf(secret: string, minChars = MIN_SECRET_CHARS): string | undefined {
  const text = secret.trim()
  if (text.length < minChars)
    return `must name a variable with, blanks around it aside, at least ${minChars} characters`
  return UNEXPANDED.test(text)
    ? 'must name a variable that holds a secret; it holds the name of another one, which nothing expanded'
    : undefined
}

/** `path` is the key of the configuration that names the variable. */
export function assertStrongSecret(secret: string, path: string): void {
  const weakness = weaknessOf(secret)
  if (weakness !== undefined) throw new AppError('bad_configuration', `${path} ${weakness}`)
}
