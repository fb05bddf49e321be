/** What validators (Ajv and TypeBox alike) tell of a fault. */
interface Fault {
  readonly message?: string | undefined
  readonly params?: object
}

/** What was expected, in words; of a choice, the choices. Nothing of it is the sender's own text. */
export function expectation({ message, params }: Fault): string {
  const allowed = params && 'allowedValues' in params ? params.allowedValues : undefined
  return Array.isArray(allowed) ? `must be one of ${allowed.join(', ')}` : String(message)
}
