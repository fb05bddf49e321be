import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { Test } from 'tap'
import { freePort, listeners } from '../process/free-port.ts'

/** S3 servers by other people, as children on loopback, with the bucket `lake`. Both check signatures and checksums. */
export interface S3Server {
  readonly name: string
  /** False to run its tests, else why they are skipped. */
  readonly skip: false | string
  start(t: Test): Promise<string>
}

interface Program {
  readonly name: string
  /** Where `./scripts/test` puts it, below `.cache/<name>-<version>/`. */
  readonly binary: string
  readonly ports: number
  /** How it is started over the folder, its own to fill; the first port is that of S3. */
  args(dir: string, ports: readonly number[]): readonly string[]
}

export const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI' }

/** Objects as files of a folder, one key a path. */
export const versitygw = server({
  name: 'versitygw',
  binary: 'versitygw',
  ports: 1,
  args: (dir, [s3]) => [
    ...['--port', `127.0.0.1:${s3}`, '--quiet', '--keep-alive'],
    ...['--access', credentials.accessKeyId, '--secret', credentials.secretAccessKey, 'posix', dir],
  ],
})

/** Objects in volumes, keys in a tree of folders: its listings have an order of their own. */
export const seaweedfs = server({
  name: 'seaweedfs',
  binary: 'bin/weed',
  ports: 8,
  args(dir, [s3, s3Grpc, master, masterGrpc, volume, volumeGrpc, filer, filerGrpc]) {
    const actions = ['Admin', 'Read', 'List', 'Write']
    const { accessKeyId: accessKey, secretAccessKey: secretKey } = credentials
    const identities = [{ name: 'test', credentials: [{ accessKey, secretKey }], actions }]
    writeFileSync(join(dir, 's3.json'), JSON.stringify({ identities }))
    return [
      ...['server', `-dir=${dir}`, '-ip=127.0.0.1', '-ip.bind=127.0.0.1', '-master.telemetry=false'],
      ...['-master.volumeSizeLimitMB=64', '-volume.max=20', `-s3.config=${join(dir, 's3.json')}`],
      ...['-s3', `-s3.port=${s3}`, `-s3.port.grpc=${s3Grpc}`, '-s3.port.iceberg=0', '-s3.port.lance=0'],
      ...[`-master.port=${master}`, `-master.port.grpc=${masterGrpc}`],
      ...[`-volume.port=${volume}`, `-volume.port.grpc=${volumeGrpc}`],
      ...[`-filer.port=${filer}`, `-filer.port.grpc=${filerGrpc}`],
    ]
  },
})

function server({ name, binary, ports, args }: Program): S3Server {
  const path = installed(name, binary)
  const missing = path === undefined && process.env['REQUIRE_ALL'] === undefined
  return {
    name,
    skip: missing && `NO ${name}: not tested against it (./scripts/test --require makes this a failure)`,
    async start(t) {
      const dir = mkdtempSync(join(tmpdir(), `${name}-`))
      const numbers: number[] = []
      while (numbers.length < ports) numbers.push(await freePort())
      const child = spawn(path ?? name, args(dir, numbers), {
        cwd: dir,
        stdio: 'ignore',
        env: { PATH: process.env['PATH'], HOME: dir, TMPDIR: dir },
      })
      const exited = once(child, 'exit')
      t.teardown(async () => {
        child.kill('SIGKILL')
        await exited
        for (const each of [dir, ...socketFiles(name, numbers)])
          rmSync(each, { recursive: true, force: true })
      })
      const endpoint = `http://127.0.0.1:${numbers[0]}`
      await createBucket(endpoint, () => child.exitCode === null)
      for (const port of numbers)
        t.strictSame(listeners(port), ['0100007F'], `${name} listens on loopback alone`)
      return endpoint
    },
  }
}

/** SeaweedFS puts them into /tmp, whatever it is told. */
function socketFiles(name: string, ports: readonly number[]): string[] {
  const names = readdirSync('/tmp').filter((each) => each.startsWith(`${name}-`))
  return names
    .filter((each) => ports.some((port) => each.endsWith(`-${port}.sock`)))
    .map((each) => `/tmp/${each}`)
}

function installed(name: string, binary: string): string | undefined {
  const cache = fileURLToPath(new URL('../../../.cache', import.meta.url))
  const folders = existsSync(cache) ? readdirSync(cache).filter((each) => each.startsWith(`${name}-`)) : []
  return folders.map((folder) => join(cache, folder, binary)).find((path) => existsSync(path))
}

/** Tried until the server is up. */
async function createBucket(endpoint: string, isAlive: () => boolean): Promise<void> {
  const place = { endpoint, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 }
  const client = new S3Client({ ...place, credentials })
  const deadlineMs = performance.now() + 60_000
  for (;;) {
    try {
      await client.send(new CreateBucketCommand({ Bucket: 'lake' }))
      return client.destroy()
    } catch (error) {
      if (!isAlive() || performance.now() > deadlineMs) throw error
      await sleep(50)
    }
  }
}
