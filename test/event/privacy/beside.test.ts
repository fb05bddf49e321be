import { test } from 'tap'
import { missed, stored } from './columns.ts'

test('a value goes whose field is named beside it, whichever of the two comes first', async (t) => {
  t.same(
    missed([
      ...[
        ['{"value":"S","name":"password"}', '{"value":"[token]","name":"password"}'],
        ['{"key":"password","value":"S"}', '{"key":"password","value":"[token]"}'],
        ['{"name":"csrf-token","content":"S"}', '{"name":"csrf-token","content":"[token]"}'],
        ['{"field":"newPassword","input":"S"}', '{"field":"newPassword","input":"[token]"}'],
        ...['sig', 'pass', 'code_verifier', 'connect.sid'].map((name) => [
          `{"name":"${name}","value":"S"}`,
          `{"name":"${name}","value":"[token]"}`,
        ]),
        ['{"name":"passed","value":"S"}', '{"name":"passed","value":"S"}'],
        ['{"name":"pin","value":"1234"}', '{"name":"pin","value":"[token]"}'],
        ["{ value: 'S', name: 'password' }", "{ value: '[token]', name: 'password' }"],
        [
          '{\\"value\\":\\"S\\",\\"name\\":\\"password\\"}',
          '{\\"value\\":\\"[token]\\",\\"name\\":\\"password\\"}',
        ],
        ['{"name":"password","value":["S","T"],"n":1}', '{"name":"password","value":[token],"n":1}'],
        ['{"name":"password","value":12345}', '{"name":"password","value":[token]}'],
        [
          '{%22value%22:%22S%22,%22name%22:%22password%22}',
          '{%22value%22:%22[token]%22,%22name%22:%22password%22}',
        ],
        // Of validators: pydantic, express-validator.
        [
          '{"loc":["body","password"],"msg":"String should have at least 8 characters","input":"S"}',
          '{"loc":["body","password"],"msg":"String should have at least 8 characters","input":"[token]"}',
        ],
        [
          '{"type":"field","value":"S","msg":"Invalid value","path":"password"}',
          '{"type":"field","value":"[token]","msg":"Invalid value","path":"password"}',
        ],
        ['Field(value=S, name=password, n=1)', 'Field(value=[token], name=password, n=1)'],
        [
          '- name: DB_PASSWORD\n  value: S\n- name: PORT\n  value: 8080',
          '- name: DB_PASSWORD\n  value: [token]\n- name: PORT\n  value: 8080',
        ],
        [
          '- name: PORT\n  value: 8080\n- name: DB_PASSWORD\n  value: S',
          '- name: PORT\n  value: 8080\n- name: DB_PASSWORD\n  value: [token]',
        ],
      ],
      ...[
        ['<input value="S" name="password">', '<input value="[token]" name="password">'],
        ['<input type="password" value="S">', '<input type="password" value="[token]">'],
        [
          '<input value=\'S T\' class="a" type=password>',
          '<input value=\'[token]\' class="a" type=password>',
        ],
        ['<meta name="csrf-token" content="S">', '<meta name="csrf-token" content="[token]">'],
        ['<meta content="S" name="csrf-token"/>', '<meta content="[token]" name="csrf-token"/>'],
        [
          '<input type=hidden name=authenticity_token value=S>',
          '<input type=hidden name=authenticity_token value=[token]>',
        ],
        ['<add name="apiKey" value="S"/>', '<add name="apiKey" value="[token]"/>'],
        [
          '<input name="apiKey" class="wide" value="S">',
          '<input name="apiKey" class="wide" value="[token]">',
        ],
        ['<add key="Db:Password" value="S"/>', '<add key="Db:Password" value="[token]"/>'],
        ['name=password:S,value=S', 'name=password:[token]'],
        ['value=S name=authenticity_token', 'value=[token] name=authenticity_token'],
        ['<input name="user[password]" value="S">', '<input name="user[password]" value="[token]">'],
        [
          '<input autocomplete="one-time-code" id="a" data-value="1234">',
          '<input autocomplete="one-time-code" id="a" data-value="[token]">',
        ],
        [
          '&lt;input value=&quot;S&quot; type=&quot;password&quot;&gt;',
          '&lt;input value=&quot;[token]&quot; type=&quot;password&quot;&gt;',
        ],
        [
          '{"value":"<input name=\\"password\\" value=\\"S\\">"}',
          '{"value":"<input name=\\"password\\" value=\\"[token]\\">"}',
        ],
        [
          `<input value="${'S'.repeat(400)}" name="csrf">`.replace('csrf', 'xsrf_token'),
          '<input value="[token]" name="xsrf_token">',
        ],
      ],
    ] as const),
    [],
  )
})

test('other values stay, and what is said of one', async (t) => {
  t.same(
    missed([
      ...[
        '<input type="text" value="ann" name="city">',
        '<meta content="width" name="viewport">',
        'value=5 name=size',
      ],
      ...[
        '{"type":"token","value":"+"}',
        '{"type":"text","value":"S","name":"city"}',
        '<input value="" type="password">',
      ],
      ...[
        '{"name":"password","value":null}',
        '{"value":true,"id":"password"}',
        '{"name":"password","value":[]}',
      ],
      // Of the next element, or too far away.
      ...[
        '{"value":"S"},{"name":"password"}',
        '<b value="S"><i name="password">',
        `value="S" ${'x '.repeat(80)}name="password"`,
      ],
      ...[
        '&lt;b value=&quot;S&quot;&gt;&lt;i name=&quot;password&quot;',
        '%3Cb value=%22S%22%3E %3Ci name=%22password%22',
      ],
      // Sentences.
      ...['name: password, value: required', 'value: S for key: password', 'Invalid input: field id=token'],
      ...[
        'name=password value=missing',
        'type=token content=x',
        'name="passwordless" value="S"',
        'value: , name: password',
        'name=é value=S',
        'name=é value=S, not password',
      ],
      ...[
        'the content-type of path=/reset-password is wrong',
        'name=password_hint value=S',
        'value=S, id=tokens',
      ],
    ]),
    [],
  )
  t.same(stored({ page_url: '/a/value=S,name=city' }).page_url, '/a/value=S,name=city')
})
