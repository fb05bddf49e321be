import { instant } from '../../std/input/instant.ts'
import type { Flags } from './command.ts'

/** What `--from` and `--to` say: checked before anything is looked for, and handed on as it is. */
export const rangeOf = ({ from, to }: Flags): { readonly from?: string; readonly to?: string } => ({
  ...timeOf('from', from),
  ...timeOf('to', to),
})

function timeOf(name: 'from' | 'to', text: Flags[string]): { readonly [name]?: string } {
  if (text === undefined) return {}
  instant(`--${name}`, String(text))
  return { [name]: String(text) }
}
