// Preloaded into a gateway (node --import): its wall clock is ahead of the machine's by the milliseconds in the file that
// TORTURE_CLOCK_FILE names, and follows whatever is written there. performance.now() goes on as it did, as the
// machine's monotonic clock does when somebody sets the time.
import { readFileSync } from 'node:fs'

const LOOK_MS = 20
const file = process.env['TORTURE_CLOCK_FILE']
let shiftMs = 0

function look() {
  // Empty for the moment in which it is written.
  const text = readFileSync(file, 'utf8')
  if (text !== '') shiftMs = Number(text)
}

const RealDate = Date
const now = () => RealDate.now() + shiftMs

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(now())
    else super(...args)
  }

  static now() {
    return now()
  }
}

look()
setInterval(look, LOOK_MS).unref()
