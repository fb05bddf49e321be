import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'tap'

const DIGEST = `sha256:${'ab'.repeat(32)}`

/** Answers for the registry, runs on this Node, as another, what is to run in the image, and writes down every call. */
const DOCKER = `#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$CALLS"
case $1 in
  buildx) echo "$FOUND" ;;
  run) exec "$NODE" --input-type=module --eval "Object.defineProperty(process.versions, 'node', { value: '$IN_IMAGE' });
const { isSafeRuntime } = await import('$PWD/src/cli/terminal/node-version.ts')
$(printf '%s' "\${@: -1}" | grep -v import)" ;;
esac
`

test('a release is built on the base by its digest, and on no Node with known holes', async (t) => {
  const place = t.testdir({ docker: DOCKER, calls: '' })
  const run = (found: string, inImage: string) => {
    writeFileSync(join(place, 'calls'), '')
    const { status, stderr } = spawnSync(
      'bash',
      ['scripts/release-image', 'headgate:0.1.0', 'node:24-bookworm-slim'],
      {
        encoding: 'utf8',
        env: {
          ...process.env,
          PATH: `${place}${delimiter}${process.env['PATH']}`,
          ...{ CALLS: join(place, 'calls'), FOUND: found, IN_IMAGE: inImage, NODE: process.execPath },
        },
      },
    )
    const calls = readFileSync(join(place, 'calls'), 'utf8')
    return { status, stderr, built: /^build .*$/m.exec(calls)?.[0], calls }
  }
  spawnSync('chmod', ['+x', join(place, 'docker')])

  const { status, stderr, built, calls } = run(DIGEST, '24.14.1')
  t.equal(status, 0, stderr)
  t.match(calls, `run --rm -v ${process.cwd()}:/headgate:ro node:24-bookworm-slim@${DIGEST} node `)
  t.match(built, `--build-arg NODE_IMAGE=node:24-bookworm-slim@${DIGEST} `)
  t.match(built, `--label org.opencontainers.image.base.digest=${DIGEST} `)
  t.match(built, /--tag headgate:0\.1\.0 \.$/)

  for (const [found, inImage] of [
    ['', '24.14.1'],
    ['latest', '24.14.1'],
    [DIGEST, '24.14.0'],
  ] as const) {
    const refused = run(found, inImage)
    t.not(refused.status, 0, `${found} ${inImage}`)
    t.equal(refused.built, undefined, 'nothing is built')
  }
})

test('every stage of the image takes the base that it is given', async (t) => {
  const bases = readFileSync('Dockerfile', 'utf8').match(/^FROM .*$/gm)
  t.same(bases, [`FROM \${NODE_IMAGE} AS build`, `FROM \${NODE_IMAGE}`])
})
