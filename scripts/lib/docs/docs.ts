import { readFileSync, writeFileSync } from 'node:fs'
import { MAX_UNITS } from '../../../src/aggregation/rollup/model/units.ts'
import { UNSCANNED_BYTES } from '../../../src/event/decode/candidates.ts'
import {
  LEVELS,
  MAX_BODY_NAMES,
  MAX_BODY_VALUES,
  MAX_DISTINCT_NAMES,
  MAX_LEVELS,
  MAX_NAME_BYTES,
  MAX_NUMBER_BYTES,
  MAX_OBJECT_NAMES,
  MAX_SKIPPED_BYTES,
} from '../../../src/event/decode/scan.ts'
import { MAX_CANDIDATES } from '../../../src/event/decode/spans.ts'
import {
  columns,
  MAX_ATTRIBUTE_NAME_CHARS,
  MAX_ATTRIBUTE_VALUE_CHARS,
  MAX_ATTRIBUTES,
  MAX_ID_CHARS,
  MAX_TEXT_CHARS,
  MAX_UNIT_CHARS,
  MAX_VALUE,
} from '../../../src/event/schema/event.ts'
import { scales } from '../../../src/event/values/unit.ts'
import { MAX_DEPTH } from '../../../src/event/verdict.ts'
import { problems } from '../../../src/http/problems.ts'
import type { ErrorCode } from '../../../src/std/errors.ts'
import { configurationPage } from './docs-configuration.ts'
import { limitsPage } from './docs-limits.ts'
import { metricsPage } from './docs-metrics.ts'
import { queriesPage } from './docs-queries.ts'
import { whatToDo } from './what-to-do.ts'

/**
 * The reference pages that are rendered from the code: `npm run docs` writes them, a test compares them. What is in
 * force cannot be documented wrongly.
 */
const note = '<!-- Rendered by `npm run docs`; edit the source, not this page. -->'

function errorsPage(): string {
  const rows = Object.entries(problems).map(
    ([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} | ${whatToDo[code as ErrorCode]} |`,
  )
  return `${note}

# Errors

Every failure has a code. Over HTTP it is an RFC 9457 problem document (\`application/problem+json\`):

\`\`\`json
{ "type": "urn:headgate:problem:unknown_key", "title": "No known app was named", "status": 401, "detail": "…", "code": "unknown_key" }
\`\`\`

\`detail\` says what was wrong this time and names the field; it never repeats what was sent, but a name that is nearly one of ours. Of an \`invalid_request\` it says all that is wrong at once, as far as one look tells, and \`errors\` has the same for programs: \`{ pointer, reason }\` each. 429 and 503 carry \`Retry-After\` in seconds. 403 is only for what will not work without a change of configuration, because some clients then stop for good. No body ever holds a path or query, a key, a token or an address. A path that is none is answered with the route that was nearly written, or with those of the listener that was asked; private routes are named by private listeners alone.

| code | status | title | what to do |
|---|---|---|---|
${rows.join('\n')}

Events of one request fail one by one: \`rejected: [{ index, code, detail }]\` in the 202 or the 422. Their codes are \`not_an_object\`, \`malformed_line\`, \`missing_field\`, \`invalid_field\`, \`event_too_large\`, \`event_too_complex\`, \`too_many_events\`, \`privacy_gpc\`. Beside them \`hints\` has a sentence for a field that was left out, with ours where it is nearly that or others call it so (\`timestamp\`, \`route\`, \`tags\`), for what only the gateway sets (\`country\`, \`device_type\`), with its source, for what stands beside \`events\` and is not read, for attributes that were left out, for a unit that was meant to be converted and is not (\`{ "valeu": 3, "unit": "milliseconds" }\`), for a web vital whose milliseconds look like seconds, for an \`event_time\` that was replaced (seconds instead of milliseconds, a time without a zone, a word, one that is too old or ahead, with how much), and for a request that was meant for another route, such as the metrics of web-vitals at \`/v1/events\`, or whose format no route takes. It is there only where there is something to tell. A 204 has no body, and no hints: **while you develop, send \`content-type: application/json\`**.
`
}

/** Two letters look the same. */
function noteOn(unit: unknown): string {
  const [letter = ''] = String(unit)
  return /[\u00b5\u03bc]/.test(letter)
    ? ` (U+${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')})`
    : ''
}

function eventsPage(): string {
  const units = [...scales].map(
    ([sent, { unit, times, per }]) =>
      `| \`${sent}\`${noteOn(sent)} | \`${unit}\` | ${per > 1 ? `÷ ${per}` : `× ${times}`} |`,
  )
  const rows = columns.map(
    ({ name, type, required, description }) =>
      `| \`${name}\` | ${type} | ${required ? 'yes' : ''} | ${description} |`,
  )
  return `${note}

# The event

One flat row per measurement. A client must send \`name\` and \`value\`; what it may not set (\`app_id\`, \`received_time\`, \`country\`, \`device_type\`, \`user_agent_*\`, \`os_name\`) and unknown fields are ignored and counted; the answer's \`hints\` ([errors](errors.md)) name those of the first events, with the column that was most likely meant, or with what the gateway sets it from. \`null\` is the same as absent, wherever it stands: in an event, among its attributes, in a context and beside one.

| column | type | always there | |
|---|---|---|---|
${rows.join('\n')}

In the lake a line is \`{"v":1, …columns…}\`, without the absent ones. Times are epoch milliseconds, so that no engine's time zone can touch them.

**Answers.** By the content type alone: to \`application/json\`, \`application/x-ndjson\` and any other that says something, 202 with a verdict for each event and hints. To what browsers send without asking first, which is \`text/plain\`, forms and no content type at all, 204 without a body, since whoever sends a beacon cannot read one. \`curl -d\` without \`-H 'content-type: application/json'\` is a form, and \`fetch\` of a text is \`text/plain\`: what they bring is read all the same, and a 204 says that at least one event was stored. What is refused is told to all alike.

**Bodies.** One event, an array, an envelope \`{ context?, events }\`, or several of these one behind the other: NDJSON, in any spelling of line ends, with byte order marks or record separators (RFC 7464), or with nothing between them. A line or an item that cannot be read, not being JSON or not UTF-8, is refused by itself (\`malformed_line\`), and so is one with more than ${MAX_DEPTH} levels in a field that is no column (\`event_too_complex\`). A body has at most ${MAX_CANDIDATES} events (of which 500 are taken); beyond, it is refused as a whole (413).

**Compressed** bodies are read to their last byte, or refused as a whole (400 \`malformed_body\`): all members of gzip, all [frames](limits.md) of Zstandard, those that are skipped among them, and of deflate and Brotli, which know of no second one, the one stream. Behind gzip, zeros are padding, and a text without a brace (a line end, the boundary of a form) is passed over, as gzip(1) does. gzip and deflate without their end count as far as they go: pages close them too late.

**Names, numbers and levels** have bounds where a body is looked through before it is parsed: one of more than ${UNSCANNED_BYTES / 1_024} KiB (inflated, without the blanks around it), one with eight \`[\` in a row, and a smaller one that is neither one value of JSON nor plain NDJSON, or in which anything cannot be read. There, a line or an item is refused by itself (\`event_too_complex\`) with an object of more than ${MAX_OBJECT_NAMES} names (those of objects within it are their own; below level ${LEVELS - 1} they count together), with a name of more than ${MAX_NAME_BYTES} bytes (as it is written, with its quotes), with a number of more than ${MAX_NUMBER_BYTES} characters, and with more than ${MAX_LEVELS} levels; and the body is refused as a whole (413) with more than ${MAX_BODY_NAMES} names, with more than ${MAX_DISTINCT_NAMES} that differ (by a hash, so that it may be a few more), with more than ${MAX_BODY_VALUES} values, and with more than ${MAX_SKIPPED_BYTES / 1_048_576} MiB of one value that is refused. What follows the fault in a value that is refused counts no more, but the values in one that is too deep. Any other body of up to ${UNSCANNED_BYTES / 1_024} KiB is parsed at once, whatever its names and numbers are: an event of 2,000 names is taken, and those that are no columns are ignored.

**Values** lie between 0 and ${MAX_VALUE} (10¹²) in the unit in which they are stored: what is accepted is counted, and any other is refused by its field. A text that is a decimal number is read as one, in every column that is a number.

**Units** of time and of size are converted where an event enters, by a request or by a stream of its own, so that a metric is one series. Case matters. Any other unit stays as it is. Parquet of others, which Headgate only reads, is not converted.

| sent | stored | |
|---|---|---|
${units.join('\n')}

Units that are not converted (\`minutes\`, \`frames\`) cannot be added up in a way that means anything, and never are: rollups count the events of a metric in each of its units by themselves. A query is of one, which \`unit\` of the query names, else that of most events, and its answer lists the \`otherUnits\`; so does the dashboard. A window keeps the ${MAX_UNITS} units of a metric that most events have; events of further ones are counted under the unit \`~other\`, of whose numbers only the count means anything. An event without a unit is of unit \`1\`, and a row of foreign Parquet without one of \`~unknown\`. Send one unit, or one metric for each.

**What others put into \`raw/\`**, lines or Parquet, is held to the same lengths without being judged: labels are cut to 256 characters (the last is \`…\`), addresses to 2048, texts of exceptions to 1024, and of attributes that take more than a gateway stores the first 32 are kept as texts of at most 256. An id, an app or a name of more than 128 characters is none: such a line goes to \`dead/\`, such a row of Parquet counts as rejected. A line without a weight counts as 1, and one without a unit is of unit \`1\`; [what else it must say](operations.md#runs-windows-and-the-schedule). A weight that is no number, not above 0 or above 1000000 stands for 1. In Parquet a column of numbers or booleans where a text belongs is read as its text, and a column without any value is as absent. Decimals have 38 digits at most, and each column is there once, however it is capitalized.

**Times.** A number, or digits, are epoch milliseconds; nothing is guessed from its size. A text is ISO 8601 or RFC 3339 with a zone, in any common spelling: \`T\`, \`t\` or a space; \`Z\`, \`z\`, \`UTC\`, \`+01:00\`, \`+0100\` or \`+01\`; seconds and fractions or none; the day as a date, as \`2026-326\` or as \`2026-W47-7\`; or the form of HTTP and mail (\`Sun, 22 Nov 2026 11:00:00 GMT\`), of JavaScript's \`String(new Date())\`, of Java's, Go's or .NET's JSON (\`/Date(1795348800000)/\`). \`EST\` and its like are read in mail's form only: elsewhere they may mean another zone. A time without a zone, one on no calendar, and one more than 24 h old or 5 min ahead is replaced by the time of arrival, and counted (\`headgate_clock_replaced_total\`); a 202 says so in \`hints\`, and of seconds since the epoch that they look like such.

**Texts** of more than ${MAX_TEXT_CHARS} characters (${MAX_UNIT_CHARS} for \`unit\`) are cut, once they are clean, and end with \`…\`; numbers and booleans are read as texts, in ids as well, and are spelt as JSON prints them (\`1.50\` becomes \`1.5\`). A number beyond ±(2⁵³ − 1) in an id, and anywhere one that JSON cannot print (\`1e999\`), is no longer what was sent when it is read: it is left out and told in \`hints\`, so send such ids as texts. A text that begins with \`~\` begins with \`∼\` (U+223C) instead: values like \`~other\` are the rollups' own. \`name\` is a text and nothing else. It and ids are never cut, as that would make two things one: ids have at most ${MAX_ID_CHARS} characters, and an empty one is none.

**Attributes** never make an event be rejected; under Global Privacy Control (\`privacy.gpc: strip\`) none is stored. Their values are texts, numbers or booleans, cut at ${MAX_ATTRIBUTE_VALUE_CHARS} characters. Left out, and counted as ignored, are lists and objects, names that are empty or longer than ${MAX_ATTRIBUTE_NAME_CHARS} characters or that reach for a prototype, and all but the first ${MAX_ATTRIBUTES}; an event's own come before those of its context. What should be the object and is none (a text, also the JSON text of an object, a number, a list) is left out as a whole and told in \`hints\`; attributes of the context are stored all the same.

**What is masked.** Before anything is stored, and the same way for the dead letters of direct records (\`src/event/privacy/\`). The name of the metric and the ids are stored as they are sent (control characters of an id written out, \`\\u000a\`).

* *URL columns* (\`page_url\`, \`page_path\`, \`referrer\`, \`url_full\`) lose query (but what \`privacy.allowQuery\` names, cleaned like a label and without IPv4 addresses; a URL in it has no query of its own), fragment and userinfo; of the path, what follows an encoded \`?\` or \`#\` (\`%3F\`, \`%253F\`, …; wide, \`？\` and \`%EF%BC%9F\`, and of mails, \`=3F\`, before a parameter), \`;parameters\`, a URL inside of it, tokens, e-mail addresses (\`[email]\`) and numbers as cards are issued (\`[digits]\`). Hosts and other numbers stay. Of \`data:\`, \`blob:\`, \`javascript:\`, \`mailto:\`, \`tel:\`, \`file:\` and \`about:\` URLs only the scheme stays.
* *Prose* (exceptions, \`error_type\`, \`exception_type\`, values of attributes, \`page_route\` and the other texts): URLs and paths lose query, fragment, userinfo and \`;name=value\` wherever they stand, also encoded: as URLs (\`%3F\`, \`%253F\`, \`%u003F\`), JSON and code (\`\\u003f\`, \`\\x3f\`), HTML (\`&#63;\`, \`&quest;\`) and mails (quoted-printable, \`=3Fq=3D\`, \`ann=40mail.example\`, also in lines that end in \`=\`, of which a word that is parted is one) write it, and with values in quotes (\`?q="…"\`) or of JSON; a query ends with the quotes that its URL stands in (\`"/s?q=my words" failed\`), else at a blank, unless another \`&name=\` follows: where a sentence goes on behind it nobody can tell what was looked for from what is said, so encode a URL or quote it; but that of \`page_route\`, which is nothing but a route, goes to its end, and that of one which begins with \`/\` begins with the first \`?\` or \`#\`. Line and column of a stack frame stay, of seven digits at most. \`data:\` URLs that are not base64, and \`javascript:\` URLs, go to the end of their line; \`blob:\`, \`mailto:\` and \`tel:\` URLs keep the scheme. \`Bearer …\`, JWTs, \`-----BEGIN … PRIVATE KEY-----\` blocks (to the end of a text that was cut), keys by the prefixes that some fifty issuers gave them (\`ghp_\`, \`sk-proj-\`, \`xoxb-\`, \`SG.\`, …; \`src/event/privacy/secrets.ts\`), the paths of webhooks, what is assigned to names like \`token\`, \`password\`, \`sig\`, \`cvv\`, \`pin\`, \`otp\` (of the last two a number without quotes has four digits and more; in quotes to the one that ends them: \`"a\\"b"\`; to those of passwords and keys also by \`=>\`, \`->\`, \`:=\`, \`==\`, \`setPassword("…")\` and in a part of a form), what stands beside such a name as a pair does (\`["authorization","…"]\`, \`{"name":"cookie","value":"…"}\`, the other way round too, in elements (\`<meta name="csrf-token" content="…">\`, \`<input type="password" value="…">\`) and in the answers of validators, \`IDENTIFIED BY '…'\`), and what is assigned in quotes to \`q\`, \`query\`, \`search\` and the like become \`[token]\` (\`password\` also in Dutch, French, German, Portuguese, Spanish and Swedish); \`user:password@\` becomes \`[user]@\`; e-mail addresses \`[email]\`, but no image for more pixels (\`logo@2x.png\`); 13 to 19 digits that pass the check of cards, with none or one blank, dash, dot or the like between two of them, in whatever spelling, or in groups as they are printed on cards (4-4-4-4, 4-6-5, of Diners 4-4-4-2) with a comma, a colon, a semicolon, a bar, a slash or blanks between them, the same each time, numbers of accounts (IBAN, of each country's length and with its check) in groups that the same separators part, or without groups, in either case of letters, and six digits and more in a row \`[digits]\`; the owner of a folder (\`C:\\Users\\…\`, \`C:\\Documents and Settings\\…\`, \`\\\\server\\Users\\…\`, \`/mnt/c/Users/…\`, \`/c/Users/…\`, \`file:///home/…\`, also encoded, \`webpack:///Users/…\`, in stacks \`/Users/…\` and \`/home/…\`) becomes \`[user]\`; IP addresses \`[ip]\`, of which a port stays. \`#id\` of a selector, dates (\`2026-11-28\`), times, with the fraction of a second, and versions stay: a dotted quad is taken for an address unless a part is above 255, it ends in \`.0.0\`, is attached to a name (\`v1.2.3.4\`) or follows a browser or \`version\` (\`Chrome/126.0.6.127\`) without a port behind it; in \`gateway/203.0.113.77\` and after an unknown product it is an address. Wide and small characters of Chinese and Japanese (\`＠\`, \`１２\`, \`＝\`; \`？\` and \`＃\` where a parameter or ASCII follows, and encoded before a parameter), typeset quotes, digits of all scripts (also raised, in circles and of mathematics), letters of Cyrillic and Greek that look like ASCII in a word of ASCII, and encoded letters, digits, hyphens, low lines and quotes (\`%34\`, \`&#45;\`, \`\\u0022\`, octal \`\\101\`, but none of a number behind a folder or a domain, as \`DOMAIN\\104512\`; of mails, \`=41\`, where they are a part of what is masked) are read as ASCII; what is not seen (format characters, variation selectors, commands to a terminal such as \`\\x1b[31m\`, also written out or without their first character, and links with their URLs) is not read at all, within a word either. Where something is masked the text is stored as it was read, otherwise as it was sent.
* *Labels* (\`app_version\`, \`sdk_name\`, \`sdk_version\`, \`environment\`, \`unit\`, names of attributes) are prose in which dotted quads and long numbers stay, as they are versions and builds there; of numbers only those of cards as they are issued, of accounts and of IPv6 go.

What no rule can tell from an ordinary word stays: a name, a password in a sentence, a number of five digits. Do not send them.

**Ids.** The dedup key is (\`app_id\`, \`event_id\`) within a window. An event without an \`event_id\` gets a random one: equal events are as many events, whoever sends them. So **who sends again what may have arrived needs one of two**: an \`event_id\` in each event, or an \`Idempotency-Key\` header with the request (IETF HTTPAPI draft; 1 to 255 printable characters, in quotes or not), the same for each attempt and another for each request. A 202 says \`"retrySafe": false\` when some accepted event had neither. Of a metric of \`/v1/web-vitals\` without one that has an \`id\` and a \`delta\`, as the library gives them, the \`event_id\` is \`id:name:value:delta\` (\`:\` and \`%\` within a part as \`%3A\` and \`%25\`): by the \`delta\` a value that came back, as INP falls again, is told from one that is sent again (a value that comes back twice, by the same change, is not). Without a \`delta\` nothing tells them apart, and each is an event: the last one counts, so the same value sent again right after the first changes nothing. An \`event_id\` beside several metrics of one object becomes \`event_id:name\`. Ids never depend on an address or a body.

**Idempotency-Key.** The ids of the request's events follow from the app, the key and their places, under a secret in \`dataDir\` (\`idempotency.secret\`, made at the first start) or in the variable that \`gateway.idempotency.secretEnv\` names. So a repetition gives the same ids whenever it comes, on each host that has the secret: give several hosts, and hosts whose disk does not last, one secret by the variable. For ten minutes a process also remembers when a key first came, so that a repetition whose events have no time of their own falls into the same window, and what was sent: another body under the same key is refused (422 \`idempotency_key_reused\`). The same is what says the same, byte for byte, once it is unpacked: not the \`Content-Encoding\`, its level or its times, not the \`Content-Type\`, and of \`multipart/form-data\` the names and contents of its parts alone, as each \`FormData\` is sent with a boundary of its own; other blanks, another order or another \`sent_at\` are another body. If the first was not accepted, the key is free. Both are each process's own: a repetition that reaches another host, another of the \`workers\` or a restarted process has the same ids and is timed by its own arrival. If that lies in a later window, and the event has no \`event_time\`, it counts in both. An \`event_time\` rules that out. **A key must never stand for two requests**: another body under it gets the same ids. Where no process remembers the first (another host or worker, after a restart or the ten minutes), both are answered 202, of the events at one place one alone is counted in a window, and nobody is told. The 32 MiB in which a process remembers keys are shared fairly: an app that sends more than its share forgets its own oldest ones first, never those of others. Under Global Privacy Control (\`privacy.gpc: strip\`) the ids are hashes with a secret of the process and the UTC day, each for itself, of the key, what was sent and the place: a repetition within the day and the process is the same events, and nothing else shows that two events came together or from one sender.

**The last value.** Of several rows with one \`measurement_id\` in a window the last counts: the one of the latest \`event_time\`, and among equals the one that was sent last, by its place in the request and by the order in which one process received the requests. That is what \`received_time\` tells: rows of one measurement in one request lie a millisecond apart, the last of them at the arrival. In a later window a measurement counts anew. The \`id\` of a metric of \`/v1/web-vitals\` is its \`measurement_id\`: five reports of one name with one \`id\` count once, by the last of their values, also where each has an \`event_id\` of its own. What is to be counted each time (clicks) must have no \`id\`, or another each time.

**What is stored.** Texts lose control characters and U+FEFF, the mark of the byte order (they become U+FFFD; line ends and tabs stay in \`exception_stacktrace\`). What a \`context\` says is stored with each event; the events of a request may take 8 times the body, inflated, plus 64 KiB, plus 1 KiB an event, and 8 MiB at most. Beyond that the request is refused (413 \`stored_too_large\`). An event may take 64 KiB.

**Ledger events.** Events named \`headgate.ledger\` are the gateway's own: they tell how many events of an app it accepted in a minute ([operations](operations.md)). Leave them out of what you count.
`
}

const pages: Readonly<Record<string, () => string>> = {
  'docs/errors.md': errorsPage,
  'docs/configuration.md': () => `${note}\n\n${configurationPage()}`,
  'docs/events.md': eventsPage,
  'docs/limits.md': () => `${note}\n\n${limitsPage()}`,
  'docs/metrics.md': () => `${note}\n\n${metricsPage()}`,
  'docs/queries.md': () => queriesPage(readFileSync('docs/queries.md', 'utf8')),
}

/** Paths of pages that differ from what the code says. */
export const stalePages = (): string[] =>
  Object.entries(pages)
    .filter(([path, render]) => readFileSync(path, 'utf8') !== render())
    .map(([path]) => path)

if (process.argv[2] === '--write') {
  for (const [path, render] of Object.entries(pages)) writeFileSync(path, render())
}
