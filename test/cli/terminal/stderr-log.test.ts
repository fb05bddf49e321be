import { test } from 'tap'
import { stderrTelemetry } from '../../../src/cli/terminal/stderr-log.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { fakeTerminal } from '../../fakes/process/terminal.ts'

test('lines of the log are words where somebody watches standard error, wherever the answer goes', async (t) => {
  const config = parseConfig({}, {})
  for (const [isErrWatched, interactive, line] of [
    [true, false, /^\d\d:\d\d:\d\d\.\d{3} warning: late files=3\n$/],
    [true, true, /^\d\d:\d\d:\d\d\.\d{3} warning: late files=3\n$/],
    [false, true, /^\{"level":40,.*"msg":"late"\}\n$/],
    [false, false, /^\{"level":40,.*"msg":"late"\}\n$/],
  ] as const) {
    const terminal = fakeTerminal()
    const { log } = stderrTelemetry(config, { ...terminal, interactive, isErrWatched })
    log.warn({ files: 3 }, 'late')
    log.info('what nobody has to know')
    t.match(terminal.said(), { out: '', err: line }, `${isErrWatched} ${interactive}`)
  }
})
