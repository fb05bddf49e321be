import { mapInSteps } from '../../../std/async/yielding.ts'
import type { Format } from './format.ts'
import { fieldsOf } from './pairs.ts'

/** `GET /v1/pixel.gif?name=…&value=…&attributes.plan=pro`, for places without script: one measurement a request. */
export const pixel: Format = {
  name: 'pixel',
  isMute: true,
  *decode({ query }) {
    const pairs = Object.entries(query)
    return { candidates: yield* mapInSteps([pairs], fieldsOf), said: pairs.flat() }
  },
}
