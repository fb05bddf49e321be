import { findChromium } from '../../../scripts/lib/demo/visit.ts'

/** Path of the browser that tests drive. */
export const chromium = findChromium()

/** Without one, browser tests are skipped and say so, unless every part is required (./scripts/test --require). */
export const skip =
  chromium === undefined && process.env['REQUIRE_ALL'] === undefined
    ? 'NO CHROMIUM: not tested in a browser (./scripts/test --require makes this a failure)'
    : false
