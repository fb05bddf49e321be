import { test } from 'tap'
import { EVERYTHING, isAllowed, type Policy, roleArn, sessionArn, streamArn } from '../fakes/aws/iam.ts'
import { everyAction } from '../fakes/aws/iam-actions.ts'
import { startVendingGateway, vendingAppOf } from '../fakes/credentials/vending-gateway.ts'

const LONGEST = 'a_name-of-32-characters_whole-32'

test('threat 12: of the policies that go over the wire, none lets an app near the stream of another, whatever the role may do', async (t) => {
  const ids = ['shop', 'shop-2', 'shop2', 'sho', 'bank', LONGEST]
  const apps = ids.map((id) => vendingAppOf(id, { roleArn: roleArn('headgate-vended') }))
  const { post, sts } = await startVendingGateway(t, { apps })
  for (const id of ids) t.equal((await post({ app: id }, { key: `${id}-key` })).statusCode, 200, id)
  t.equal(sts.calls.length, ids.length)
  for (const [at, id] of ids.entries()) {
    const session = {
      ...{ principal: sessionArn('headgate-vended'), identity: [EVERYTHING] },
      session: JSON.parse(sts.calls[at]?.params['Policy'] ?? '') as Policy,
    }
    for (const action of ['kinesis:PutRecord', 'kinesis:PutRecords']) {
      for (const other of ids) {
        const resource = streamArn(`headgate-direct-${other}`)
        t.equal(
          await isAllowed({ ...session, action, resource }),
          other === id,
          `${id}: ${action} on ${other}`,
        )
      }
    }
  }
  const all = await everyAction(['kinesis', 'sts', 'iam'], {
    StreamName: 'headgate-direct-shop',
    RoleNameWithPath: 'headgate-vended',
  })
  t.ok(all.length > 250, `${all.length} questions`)
  const session = JSON.parse(sts.calls[0]?.params['Policy'] ?? '') as Policy
  const allowed: string[] = []
  for (const { action, resource } of all) {
    const attempt = {
      principal: sessionArn('headgate-vended'),
      identity: [EVERYTHING],
      session,
      action,
      resource,
    }
    if (await isAllowed(attempt)) allowed.push(action)
  }
  // Who one is may be asked without any right: threat 19, and accepted.
  t.same(allowed.sort(), ['kinesis:PutRecord', 'kinesis:PutRecords', 'sts:GetCallerIdentity'])
})
