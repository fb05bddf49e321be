import { readFileSync } from 'node:fs'
import { type RunSimulationResults, runSimulation } from '@cloud-copilot/iam-simulate'

/** The IAM documents as an operator fills them in, and a judge of them that nobody here wrote. */

export const ACCOUNT = '111122223333'
export const REGION = 'eu-west-1'
export const EXTERNAL_ID = 'headgate/prod'
export const STREAM_KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/0f0f0f0f-1111-2222-3333-444455556666`
export const LAKE_KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/1e1e1e1e-1111-2222-3333-444455556666`

const VALUES: Readonly<Record<string, string>> = {
  ACCOUNT,
  REGION,
  EXTERNAL_ID,
  STREAM: 'headgate',
  STREAM_KEY_ARN: STREAM_KEY,
  BUCKET: 'my-lake',
  PREFIX: 'headgate/',
  LAKE_KEY_ARN: LAKE_KEY,
  APP: 'shop',
}

export const streamArn = (name: string): string => `arn:aws:kinesis:${REGION}:${ACCOUNT}:stream/${name}`
export const objectArn = (key: string): string => `arn:aws:s3:::my-lake/headgate/${key}`
export const roleArn = (name: string): string => `arn:aws:iam::${ACCOUNT}:role/${name}`
/** A session of the role, as it signs requests. */
export const sessionArn = (role: string): string =>
  `arn:aws:sts::${ACCOUNT}:assumed-role/${role}/${role === 'headgate-vended' ? 'headgate-shop-QN7LEN1s9eR_93b3VBrw2b' : 'task'}`

export interface IamStatement {
  readonly Sid?: string
  readonly Effect: 'Allow' | 'Deny'
  readonly [member: string]: unknown
}

export interface Policy {
  readonly Version: '2012-10-17'
  readonly Statement: readonly IamStatement[]
}

export const policyOf = (...statements: readonly IamStatement[]): Policy => ({
  Version: '2012-10-17',
  Statement: statements,
})

/** What a careless colleague attaches. */
export const EVERYTHING = policyOf({ Effect: 'Allow', Action: '*', Resource: '*' })

/** A file of docs/iam with every placeholder filled in. */
export const filledIn = (text: string): string =>
  text.replaceAll(/<([A-Z_]+)>/g, (_, name: string) => {
    const value = VALUES[name]
    if (value === undefined) throw new Error(`docs/iam/README.md knows no placeholder <${name}>`)
    return value
  })

export const iamFile = (name: string): string => filledIn(readFileSync(`docs/iam/${name}.json`, 'utf8'))
export const iamPolicy = (name: string): Policy => JSON.parse(iamFile(name)) as Policy

export interface Attempt {
  readonly principal: string
  readonly action: string
  readonly resource: string
  readonly context?: Readonly<Record<string, string | string[]>>
  /** Policies of the role. */
  readonly identity: readonly Policy[]
  readonly session?: Policy
  readonly boundary?: Policy
  /** Of the thing itself: the trust of a role, the policy of a key or a stream. */
  readonly resourcePolicy?: Policy
}

/** A key's policy that leaves it to the roles, as keys are made by default. */
const KEY_POLICY = policyOf({
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
  Action: 'kms:*',
  Resource: '*',
})

/** Whether IAM would let it happen. Throws where the judge did not understand the question, or did not look at all of it. */
export async function isAllowed(attempt: Attempt): Promise<boolean> {
  const result = await simulate(attempt)
  if (result.resultType === 'error') throw new Error(`${attempt.action}: ${JSON.stringify(result.errors)}`)
  const looks = result.resultType === 'single' ? [result.result] : result.results
  const unseen = looks.flatMap(({ ignoredContextKeys = [] }) => ignoredContextKeys)
  if (unseen.length > 0) throw new Error(`${attempt.action} was judged without ${unseen}`)
  return result.overallResult === 'Allowed'
}

function simulate(attempt: Attempt): Promise<RunSimulationResults> {
  const { principal, action, resource, context = {}, identity, session, boundary } = attempt
  const resourcePolicy = attempt.resourcePolicy ?? (action.startsWith('kms:') ? KEY_POLICY : undefined)
  const named = (policies: readonly Policy[], name: string) =>
    policies.map((policy, at) => ({ name: `${name}-${at}`, policy }))
  return runSimulation(
    {
      request: {
        principal,
        action,
        resource: { resource, accountId: ACCOUNT },
        contextVariables: { ...context },
      },
      identityPolicies: named(identity, 'identity'),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(session && { sessionPolicy: session }),
      ...(boundary && { permissionBoundaryPolicies: named([boundary], 'boundary') }),
      ...(resourcePolicy && { resourcePolicy }),
    },
    { simulationMode: 'Strict' },
  )
}
