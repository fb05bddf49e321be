import { parseConfig } from '../../src/config/parse.ts'
import { AppError } from '../../src/std/errors.ts'

/** Every fault of a configuration, as a line. */
export function faultsOf(
  file: unknown,
  env: Readonly<Record<string, string>> = {},
  named: string[] = [],
): string[] {
  try {
    parseConfig(file, env, named)
    return []
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return (error.details['faults'] as { path: string; message: string }[]).map(
      ({ path, message }) => `${path}: ${message}`,
    )
  }
}
