import type { Readable } from 'node:stream'

/**
 * The largest answer that is read as a whole, an error's as well. The longest that is legal is a page of ListObjectsV2: a
 * thousand keys of 1,024 bytes, of which XML writes each in six at most.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
export const MAX_ANSWER_BYTES = 8_388_608

/** In place of the SDK's own collector, which takes whatever comes. Objects (GetObject) do not come this way. */
export async function collectAnswer(body: Readable): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    // Leaving the loop destroys the answer, and with it the connection.
    if (bytes > MAX_ANSWER_BYTES) throw answerTooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Without the status that came with it, which such an answer does not prove. */
const answerTooLarge = (): Error =>
  Object.assign(new Error(`An answer has more than ${MAX_ANSWER_BYTES} bytes`), {
    name: 'AnswerTooLarge',
    $metadata: {},
  })
