import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

export interface Certificate {
  readonly keyFile: string
  readonly certificateFile: string
}

/** A self-signed certificate for 127.0.0.1, made anew for each run by the `openssl` command. */
export function makeCertificate(folder: string): Certificate {
  const [keyFile, certificateFile] = [join(folder, 'sink-key.pem'), join(folder, 'sink-certificate.pem')]
  execFileSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...['-subj', '/CN=headgate-bench-sink', '-addext', 'subjectAltName=IP:127.0.0.1'],
      ...['-keyout', keyFile, '-out', certificateFile],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  return { keyFile, certificateFile }
}
