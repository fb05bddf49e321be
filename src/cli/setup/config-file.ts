import { isUtf8 } from 'node:buffer'
import { LineCounter, parseDocument } from 'yaml'
import { AppError } from '../../std/errors.ts'
import { codeOf } from '../../std/expected-errors.ts'
import { readRegular } from '../../std/files/not-a-file.ts'
import { jsonReason } from '../../std/input/json-fault.ts'
import { hasKeyTwice, jsonFault, jsonOr } from '../../std/json.ts'
import { whyUnreadable } from './unreadable.ts'

/** Reads a file as JSON or YAML, by its name. What is wrong is said with its place, and never quoted: it may be a password. */
export async function readConfigFile(path: string): Promise<unknown> {
  const text = await textOf(path)
  const [language, settings] = path.endsWith('.json')
    ? (['JSON', fromJson(path, text)] as const)
    : (['YAML', fromYaml(path, text)] as const)
  // So looks a file that is being written.
  if (settings === null) throw bad(path, language, ['  there is no setting in it; for all defaults write {}'])
  return settings
}

/** The largest that is read: a hundred thousand apps. Ours. */
export const MAX_CONFIG_BYTES = 16_777_216

/** Windows begins files with it. */
const BYTE_ORDER_MARK = '\u{feff}'

async function textOf(path: string): Promise<string> {
  const bytes = await bytesOf(path)
  const lines = linesIn(bytes)
  const wrong = lines.findIndex((line) => !isUtf8(line))
  if (wrong !== -1) throw bad(path, 'UTF-8', [`  line ${wrong + 1}: ${notUtf8(bytes)}`])
  const text = bytes.toString('utf8')
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text
}

/** No character of UTF-8 has a line break within. */
function linesIn(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = []
  let from = 0
  for (let end = bytes.indexOf('\n'); end !== -1; end = bytes.indexOf('\n', from)) {
    lines.push(bytes.subarray(from, end))
    from = end + 1
  }
  return [...lines, bytes.subarray(from)]
}

const notUtf8 = ([first, second]: Buffer): string =>
  (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
    ? 'it is UTF-16; save the file as UTF-8'
    : 'a character is in another encoding, such as Latin-1; save the file as UTF-8'

async function bytesOf(path: string): Promise<Buffer> {
  try {
    return await readRegular(path, MAX_CONFIG_BYTES)
  } catch (cause) {
    const help = codeOf(cause) === 'ENOENT' ? '; `headgate init` writes one to begin with' : ''
    const why = `${whyUnreadable(cause, MAX_CONFIG_BYTES)}${help}`
    // What names it is wrong, and no setting.
    throw new AppError(
      'invalid_request',
      `Cannot read the configuration ${path}: ${why}. It is named by --config, or by HEADGATE_CONFIG.`,
      { cause },
    )
  }
}

const bad = (path: string, language: string, lines: readonly string[], cause?: unknown): AppError =>
  new AppError('bad_configuration', `${path} is not valid ${language}:\n${lines.join('\n')}`, { cause })

const at = ({ line, col }: { readonly line: number; readonly col: number }): string =>
  `  line ${line}, column ${col}: `

const YAML_REASONS: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias (*) cannot have an anchor or a tag',
  BAD_ALIAS: 'a text that begins with * or & needs quotes',
  BAD_DIRECTIVE: 'a line that begins with % needs quotes',
  BAD_DQ_ESCAPE: 'a backslash in double quotes that escapes nothing; single quotes take it as it is',
  BAD_INDENT: 'the indentation does not fit the lines above, or a bracket or brace before it is not closed',
  BAD_SCALAR_START: 'a text that begins with this character needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a key and a list or group that cannot stand on one line',
  BLOCK_IN_FLOW: 'inside [ ] or { } there can be no indented list or group',
  DUPLICATE_KEY: 'this key is here twice',
  MISSING_CHAR: 'a bracket, brace, quote, comma or colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a colon is missing, or a text with a colon needs quotes',
  MULTIPLE_DOCS: 'there is more than one document; remove the line ---',
  TAB_AS_INDENT: 'a tab; YAML is indented by spaces',
  UNEXPECTED_TOKEN: 'something that cannot stand here',
}

function fromYaml(path: string, text: string): unknown {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const faults = document.errors.map(
    ({ code, pos }) => `${at(lines.linePos(pos[0]))}${YAML_REASONS[code] ?? 'this cannot be read'}`,
  )
  if (faults.length > 0) throw bad(path, 'YAML', faults)
  try {
    return document.toJS()
  } catch (cause) {
    throw bad(path, 'YAML', [`  ${aliasFault(cause)}`], cause)
  }
}

/** What its aliases stand for is put in their places only when the rest was read. */
const aliasFault = (cause: unknown): string =>
  String(cause).includes('Excessive alias count')
    ? 'its aliases (*name) repeat too much: write out what they stand for'
    : `${YAML_REASONS['BAD_ALIAS']}, and an alias (*name) an anchor (&name) before it`

function fromJson(path: string, text: string): unknown {
  const settings = jsonOr(text, (cause) => {
    const place = firstWrong(text)
    throw bad(path, 'JSON', [`${at(placeIn(text, place))}${jsonReason(text, place)}`], cause)
  })
  if (hasKeyTwice(text, settings)) throw bad(path, 'JSON', doubledKeys(text))
  return settings
}

/** JSON is YAML (YAML 1.2, section 1.3), whose parser says where; it takes a hundred times as long as that of JSON. */
const doubledKeys = (json: string): string[] =>
  parseDocument(json, { prettyErrors: false })
    .errors.filter(({ code }) => code === 'DUPLICATE_KEY')
    .map(({ code, pos }) => `${at(placeIn(json, pos[0]))}${YAML_REASONS[code]}`)

function placeIn(text: string, place: number) {
  const before = text.slice(0, place)
  return { line: before.split('\n').length, col: place - before.lastIndexOf('\n') }
}

/**
 * Where a text stops being the beginning of any JSON. Not every engine says it, so it is found by halving: of a beginning
 * that could go on a parser says that it ended.
 */
function firstWrong(text: string): number {
  let [good, bad] = [0, text.length + 1]
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (couldGoOn(text.slice(0, middle))) good = middle
    else bad = middle
  }
  return good
}

function couldGoOn(text: string): boolean {
  const fault = jsonFault(text)
  if (fault === undefined) return true
  const [, position] = / at position (\d+)/.exec(fault.message) ?? []
  return /end of JSON input|Unterminated string/.test(fault.message) || Number(position) === text.length
}
