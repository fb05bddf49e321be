import type { ErrorCode } from '../../../src/std/errors.ts'

/** What whoever meets a failure does about it, for the page of errors: a sentence a code. */
export const whatToDo = {
  malformed_body: 'Send valid JSON or NDJSON in UTF-8; `detail` says where it breaks off.',
  unsupported_encoding: 'Compress by gzip, deflate, br or zstd as `accept-encoding` lists, or not at all.',
  unsupported_media_type: 'Send the content type that `detail` names, mostly `application/json`.',
  body_too_large: 'Send fewer events a request ([limits](limits.md)).',
  stored_too_large:
    'Put less into `context`, which is stored with each event, or send fewer events a request.',
  header_too_large: 'Send shorter headers; look for large cookies.',
  uri_too_long: 'Send it as a body by POST.',
  slow_request: 'Try again; where it happens often, look at the proxy between.',
  unknown_key:
    'Send a key of the app as the header `x-headgate-key`, and look that this gateway has its digest; `headgate key new` makes one.',
  conflicting_apps: 'Send one key: header, query and body name different apps.',
  origin_not_allowed: "Add the page's origin to `origins` of the app, as the browser writes it.",
  nothing_valid: 'Mend what `rejected` names by index and field; do not send it again as it is.',
  idempotency_key_reused:
    'Make a new key for each request, and keep it for its repetitions only: another host may not notice, and then one body of the two is not counted.',
  address_limit: 'Wait for `Retry-After`; behind a proxy set `gateway.trustProxy`.',
  app_limit: 'Wait for `Retry-After`; sample, or raise `limits` of the app.',
  overloaded: 'Wait for `Retry-After`; where it lasts, add workers or instances.',
  journal_full:
    'Wait for `Retry-After`; operators: look why delivery does not keep up (`headgate status`), or raise `gateway.journal.maxBytes`.',
  journal_unavailable: 'Wait for `Retry-After`; operators: the log names what the disk of `dataDir` refuses.',
  invalid_client: 'Look at the app and its key; both must be of one app in the configuration.',
  app_disabled: 'Give the app `credentials` in the configuration, if it is to have any.',
  stream_not_allowed: 'Leave the stream out, or name that of the app.',
  subject_revoked: 'Ask the operator, who withdrew it.',
  subject_limit: 'Wait for `Retry-After`, and keep credentials until they end.',
  vending_saturated: 'Wait for `Retry-After`.',
  sts_throttled: 'Wait for `Retry-After`; where it lasts, ask AWS for more calls of STS.',
  sts_failed:
    'Operators: the log names what STS refuses; mostly the role or its trust ([IAM](iam/README.md)).',
  sinks_unavailable: 'Wait for `Retry-After`; operators: look at stream and lake (`headgate status`).',
  shutting_down: 'Try again; another instance takes it.',
  not_ready: 'Try again; `/readyz` says when.',
  not_found: 'Look at the path; [the API](../openapi/gateway.json) has them all.',
  method_not_allowed: 'Take a method that `allow` lists.',
  invalid_request: 'Mend what `errors` names, all of it at once.',
  unauthorized:
    'Send `authorization: Bearer …` with a token of `aggregation.tokens`; `headgate key new --token` makes one.',
  scope_missing: 'Take a token that has the scope in `scopes`.',
  app_not_in_token: 'Ask for an app that the token lists in `apps`, or take another token.',
  missing_token: "Send the user's access token as `authorization: Bearer …`.",
  invalid_token: 'Get a new token; operators: compare issuer, audience and claims with the configuration.',
  issuer_unavailable: 'Wait for `Retry-After`; operators: the gateway must reach the issuer.',
  attestation_failed: 'Attest again with a new challenge, from the unchanged app.',
  attestation_unavailable: 'Wait for `Retry-After`.',
  rollups_differ:
    'Give all processes of the data folder one configuration, and start them again; or end the one that `detail` names.',
  run_conflict: 'Wait for the other run, or cancel it (`headgate runs list`).',
  query_too_large: 'Ask for a shorter range, longer steps or fewer values.',
  range_too_large: 'Ask for the range that `detail` names, or a shorter one.',
  unknown_dimension: 'Take one that `detail` names, or `attributes.` and the name of an attribute.',
  queries_busy: 'Wait for `Retry-After`.',
  query_timeout: 'Ask for a shorter range, or try again when less is under way.',
  runs_full: 'Wait until runs have ended, or cancel some (`headgate runs cancel`).',
  bad_configuration: 'Mend what `headgate config check` names.',
  lake_failed: 'Try again; operators: look at the folder or bucket, its permissions, and the network.',
  storage_full: 'Make room on the disk of `dataDir`, or keep less.',
  storage_denied:
    'Do what `detail` says with the file that the log names: mostly, give it to the user of the process.',
  storage_failed: 'Look into the log of the kernel; check or replace the disk.',
  system_limit: 'Raise the limit that `detail` names (open files, processes, memory).',
  later_version: 'Start the version that wrote it, or a later one.',
  engine_failed: 'Run it again; if it fails again, the log and `headgate runs show` say why.',
  engine_out_of_memory: 'Raise `aggregation.engine.memoryLimit`, or lower `aggregation.engine.threads`.',
  engine_unusable:
    'Restart Headgate where its files were replaced while it ran, as by an upgrade; else look at what `detail` says. Nothing is set aside for it, and all of it is tried again.',
  input_missing:
    'Bring the object that `detail` names back into the lake, and run it again; where others are in its place, run it with `"reprocess": "all"`.',
  superseded: 'Nothing: the newer run has the window.',
  lease_lost: 'Nothing, if another process goes on; otherwise run it again.',
  cancelled: 'Run it again, if that was not meant.',
  deadline_exceeded: 'Try again, or ask for less at once.',
  internal: 'Report it with the line of the log, which has the stack.',
} satisfies Record<ErrorCode, string>
