import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import { parse } from 'yaml'

const folder = '.github/ISSUE_TEMPLATE'

interface Field {
  readonly type: string
  readonly id?: string
  readonly attributes: { readonly label?: string; readonly value?: string }
  readonly validations?: { readonly required: boolean }
}

const formIn = (
  file: string,
): { readonly name: string; readonly description: string; readonly body: Field[] } =>
  parse(readFileSync(`${folder}/${file}`, 'utf8'))

test('there is a form for bugs and one for wishes, and no issue without one', async (t) => {
  t.same(readdirSync(folder).sort(), ['bug.yml', 'config.yml', 'feature.yml'])
  t.same(parse(readFileSync(`${folder}/config.yml`, 'utf8')), { blank_issues_enabled: false })
  for (const file of ['bug.yml', 'feature.yml']) {
    const { name, description, body } = formIn(file)
    t.ok(name && description, file)
    for (const { type, id, attributes } of body) {
      t.match(type, /^(?:markdown|input|textarea)$/)
      if (type === 'markdown') t.ok(attributes.value)
      else t.ok(id && attributes.label, `${file} ${id}`)
    }
    const ids = body.flatMap(({ id = [] }) => id)
    t.equal(new Set(ids).size, ids.length)
  }
})

test('a bug is told with its version, what was sent and what was seen, and no vulnerability in public', async (t) => {
  const { body } = formIn('bug.yml')
  const required = body.flatMap(({ id = [], validations }) => (validations?.required ? id : []))
  t.same(required, ['version', 'sent', 'seen'])
  t.ok(body.some(({ id }) => id === 'configuration'))
  t.match(body[0]?.attributes.value, /SECURITY\.md/)
})
