import { test } from 'tap'
import { missed, stored, three, urls } from './columns.ts'

const cleaned = (text: string) => stored({ exception_message: text }).exception_message

const tables = {
  'the folder of a person loses the name': [
    ['file:///C:/Users/ann/x.html', 'file:///C:/Users/[user]/x.html'],
    ['at f (file:///c%3A/Users/ann/app.js:1:2)', 'at f (file:///c%3A/Users/[user]/app.js:1:2)'],
    ['vscode-file://vscode-app/c%253a/Users/ann/x', 'vscode-file://vscode-app/c%253a/Users/[user]/x'],
    ['at f (app:///Users/ann/x.js:1:2)', 'at f (app:///Users/[user]/x.js:1:2)'],
    ['file:///home/ann/x.html', 'file:///home/[user]/x.html'],
    ['file:///Users/ann/x.html', 'file:///Users/[user]/x.html'],
    ['cannot open C:\\Users\\ann\\app.js', 'cannot open C:\\Users\\[user]\\app.js'],
    ['{"p":"c:\\\\users\\\\ann\\\\app.js"}', '{"p":"c:\\\\users\\\\[user]\\\\app.js"}'],
    ['C:%5CUsers%5Cann%5Cx', 'C:%5CUsers%5C[user]%5Cx'],
    ['file:///C:/Users/Ann%20Needle/x.html', 'file:///C:/Users/[user]/x.html'],
    ['C:\\Users\\Ann B. Needle\\x', 'C:\\Users\\[user]\\x'],
    ['C:\\Users\\ann was not found', 'C:\\Users\\[user] was not found'],
    ['at f (/Users/ann/app/x.js:1:2)', 'at f (/Users/[user]/app/x.js:1:2)'],
    ['at f (/home/ann/app/x.js:1:2)', 'at f (/home/[user]/app/x.js:1:2)'],
    ['no /Users/ann/Library/Caches', 'no /Users/[user]/Library/Caches'],
    // Before Windows Vista, as DOS has it short, in German, and in capitals.
    ['C:\\Documents and Settings\\ann\\x', 'C:\\Documents and Settings\\[user]\\x'],
    ['c:/Documents%20and%20Settings/ann/x', 'c:/Documents%20and%20Settings/[user]/x'],
    ['C:\\Dokumente und Einstellungen\\ann\\x', 'C:\\Dokumente und Einstellungen\\[user]\\x'],
    ['C:\\DOCUME~1\\ann\\LOCALS~1', 'C:\\DOCUME~1\\[user]\\LOCALS~1'],
    ['C:\\WINNT\\Profiles\\ann\\x', 'C:\\WINNT\\Profiles\\[user]\\x'],
    ['C:\\USERS\\ann\\x', 'C:\\USERS\\[user]\\x'],
    // Of a share, as it is and in JSON, with the share of a disk and a long name; of Linux beside Windows.
    ['no \\\\files\\Users\\ann\\x', 'no \\\\files\\Users\\[user]\\x'],
    ['"\\\\\\\\files\\\\home$\\\\ann\\\\x"', '"\\\\\\\\files\\\\home$\\\\[user]\\\\x"'],
    ['\\\\f.shop.example\\c$\\Users\\ann', '\\\\f.shop.example\\c$\\Users\\[user]'],
    ['\\\\wsl.localhost\\Ubuntu\\home\\ann\\x', '\\\\wsl.localhost\\Ubuntu\\home\\[user]\\x'],
    ['file://files/share/Users/ann/x', 'file://files/share/Users/[user]/x'],
    ['at f (/mnt/c/Users/ann/x.js:1:2)', 'at f (/mnt/c/Users/[user]/x.js:1:2)'],
    [
      'no /mnt/c/Users/ann and no /cygdrive/d/users/ann',
      'no /mnt/c/Users/[user] and no /cygdrive/d/users/[user]',
    ],
    ['at f (/c/Users/ann/x.js:1:2)', 'at f (/c/Users/[user]/x.js:1:2)'],
    ['no /c/Users/ann/x', 'no /c/Users/[user]/x'],
    ['webpack:///Users/ann/x', 'webpack:///Users/[user]/x'],
    ['webpack-internal:///home/ann/a/x.js', 'webpack-internal:///home/[user]/a/x.js'],
    ['file%3A%2F%2F%2FUsers%2Fann%2Fx', 'file%3A%2F%2F%2FUsers%2F[user]%2Fx'],
    ['file%253A%252F%252F%252Fhome%252Fann%252Fx', 'file%253A%252F%252F%252Fhome%252F[user]%252Fx'],
    ['file%3A%2F%2F%2FC%3A%2FUsers%2Fann%2Fx', 'file%3A%2F%2F%2FC%3A%2FUsers%2F[user]%2Fx'],
    ['no /var/home/ann/x and no /export/home/ann', 'no /var/home/[user]/x and no /export/home/[user]'],
    // Behind an escape, in JSON of JSON, and with encoded separators.
    ...['\\n', '\\t', '\\r\\n', '%0A', '%250a', '\\u000a', '\\x0a', '&#10;', '\ufffd'].flatMap((before) =>
      [
        ['C:\\Users\\ann\\app.js', 'C:\\Users\\[user]\\app.js'],
        ['C:%5CUsers%5Cann', 'C:%5CUsers%5C[user]'],
        ['file:///home/ann/x', 'file:///home/[user]/x'],
        ['/Users/ann/x.js:1:2', '/Users/[user]/x.js:1:2'],
        ['/home/ann/x.js:1:2', '/home/[user]/x.js:1:2'],
        ['/mnt/c/Users/ann/x', '/mnt/c/Users/[user]/x'],
        ['\\\\files\\Users\\ann\\x', '\\\\files\\Users\\[user]\\x'],
      ].map(([path, clean]) => [`no${before}${path}`, `no${before}${clean}`] as const),
    ),
    [`C:${'\\'.repeat(8)}Users${'\\'.repeat(8)}ann`, `C:${'\\'.repeat(8)}Users${'\\'.repeat(8)}[user]`],
    ['C%253A%255CUsers%255Cann', 'C%253A%255CUsers%255C[user]'],
    ['C\\u003a\\u005cUsers\\u005cann', 'C\\u003a\\u005cUsers\\u005c[user]'],
    ['Ｃ：＼Ｕｓｅｒｓ＼ａｎｎ', 'C:\\Users\\[user]'],
    ['/System/Volumes/Data/Users/ann/Library/x', '/System/Volumes/Data/Users/[user]/Library/x'],
    ...[
      ...['GET /c/users/42', '/document/settings/ann', 'D:\\home\\site', '"D:\\\\app\\\\home\\\\site"'],
      ...[
        '\\App\\Users\\Edit',
        '"\\\\App\\\\Users\\\\Edit"',
        '"..\\\\app\\\\home\\\\x.js"',
        '//shop.example/users/42',
      ],
      ...['/c/home/garden', 'settings/profiles', 'GET /mnt/users/ann', '\\\\files\\public\\ann'],
    ].map((text) => [text, text] as const),
    ['GET /users/42/orders failed', 'GET /users/42/orders failed'],
    ['GET /Users/Edit/5 failed', 'GET /Users/Edit/5 failed'],
    ['/home/garden/chairs', '/home/garden/chairs'],
    ['f@https://shop.example/home/garden/app.js:1:2', 'f@https://shop.example/home/garden/app.js:1:2'],
  ],
  'the number of an account goes as it is printed': [
    ['to DE89 3704 0044 0532 0130 00', 'to [digits]'],
    ['to GB29 NWBK 6016 1331 9268 19.', 'to [digits].'],
    ['FR14 2004 1010 0505 0001 3M02 606', '[digits]'],
    ['DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000', '[digits]'],
    ['NL91 ABNA 0417 1643 00', '[digits]'],
    ['BE68 5390 0754 7034 EUR', '[digits] EUR'],
    ['ES91 2100 0418 4502 0005 1332 OK', '[digits] OK'],
    ['AT61 1904 3002 3457 3201 DONE', '[digits] DONE'],
    // With what else people write between the groups, in small letters, and with nothing between them.
    ...['-', '.', '\t', '_', '+', '\u2013', '\u202f', '%20', '%2D', '&nbsp;', '\\u00a0', '\\t', ''].flatMap(
      (between) =>
        [
          'DE89 3704 0044 0532 0130 00',
          'gb29 nwbk 6016 1331 9268 19',
          'Mt84 Malt 0110 0001 2345 MTLC AST0 01S',
        ].map((printed) => [`to ${printed.replaceAll(' ', between)}, ok`, 'to [digits], ok'] as const),
    ),
    ['iban=DE89%203704%200044%200532%200130%2000&n=1', 'iban=[digits]&n=1'],
    ['\\nde89-3704-0044-0532-0130-00-x', '\\n[digits]-x'],
    ['NO93 8601 1117 947', '[digits]'],
    // Without the check, of another length, of no country, and what is no account.
    ...[
      ...[
        'DE88 3704 0044 0532 0130 00',
        'de88-3704-0044-0532-0130-00',
        'DE44 3704 0044 0532 0110',
        'RC46 2026 1129 1000',
      ],
      ...['id11-4d65-9a2f-eaa0c55ad015', 'rc10.2026.1129.1015.30', 'se26-1129-1015', 'no20 2026-11-29 10:15'],
      ...['it12 that were with some more', 'us41-2026-1129-1001'],
    ].map((text) => [text, text] as const),
    ['AB12 CD34 EF56 1234 5678', 'AB12 CD34 EF56 1234 5678'],
  ],
  'a code that is typed in goes as a number too': [
    ['{"pin":1234}', '{"pin":[token]}'],
    ['{"otp": 123456, "n": 1234}', '{"otp": [token], "n": 1234}'],
    ["{ pin: '1234', otp: 1234 }", "{ pin: '[token]', otp: [token] }"],
    ['{pin:1234,n:1}', '{pin:[token],n:1}'],
    ['pin: 1234', 'pin: [token]'],
    ['Your PIN: 1234.', 'Your PIN: [token].'],
    ['card_pin : 1234 totp:123 456', 'card_pin : [token] totp:[token]'],
    ['otp: 123-456, pin code: 12345', 'otp: [token], pin code: [token]'],
    ['{"otp_code":1234,"smsCode":"1234"}', '{"otp_code":[token],"smsCode":"[token]"}'],
    ['2fa_code=1234 mfa-code: 1234', '2fa_code=[token] mfa-code: [token]'],
    [':pin => 1234 pin -> 1234', ':pin => [token] pin -> [token]'],
    ['%22pin%22%3A1234', '%22pin%22%3A[token]'],
    ['{\\"pin\\":1234}', '{\\"pin\\":[token]}'],
    ['ssn: 078-05-1120 {"ssn":"078-05-1120"}', 'ssn: [token] {"ssn":"[token]"}'],
    ...[
      ...[
        'pin: 13',
        'pin: 102 is high',
        'pin: required',
        '{"pin":null}',
        '{"pin":true}',
        'spin: 1234',
        'pinned: 1234',
      ],
      ...[
        'otp: 2026-11-29',
        'OTP: 26.2.1',
        'otp: 2026.11',
        'pins: 1234',
        'pin 1234 is low',
        'code: 1234',
        'pin: 1234ms',
      ],
      ...['{"pin":{},"n":1234}', 'error code: 1234', 'zip code: 1234', 'shipping: 1234'],
    ].map((text) => [text, text] as const),
  ],
  'passwords are told in other languages too': [
    ['contraseña=Needle', 'contraseña=[token]'],
    ['contrasena: Needle', 'contrasena: [token]'],
    ['mot de passe : Needle', 'mot de passe : [token]'],
    ['mot_de_passe=Needle', 'mot_de_passe=[token]'],
    ['senha=Needle', 'senha=[token]'],
    ['"wachtwoord":"Needle"', '"wachtwoord":"[token]"'],
    ['Kennwort: Needle', 'Kennwort: [token]'],
    ['lösenord=Needle', 'lösenord=[token]'],
    ['pin=Needle', 'pin=[token]'],
    ['spin=4 pinned=5', 'spin=4 pinned=5'],
  ],
  'the name of an address may be quoted': [
    ['from "ann needle"@mail.example', 'from [email]'],
    ['{"from":"\\"ann needle\\"@mail.example"}', '{"from":"[email]"}'],
    ['{\\"from\\":\\"\\\\\\"ann needle\\\\\\"@mail.example\\"}', '{\\"from\\":\\"[email]\\"}'],
    ['from &quot;ann needle&quot;@mail.example', 'from [email]'],
    ['from &amp;quot;ann needle&amp;quot;&#64;mail.example', 'from [email]'],
  ],
} satisfies Record<string, readonly (readonly [string, string])[]>

for (const [rule, rows] of Object.entries(tables)) {
  test(rule, async (t) => {
    for (const [text, clean] of rows) {
      t.equal(cleaned(text), clean)
      t.equal(cleaned(clean), clean, 'cleaned twice is cleaned once')
    }
  })
}

test('what looks like an address of a person, and is a file, stays', async (t) => {
  const names = [
    'logo@2x.png',
    'a-b_c@3x.webp',
    'icon@1.5x.jpg',
    'x%402x.svg',
    'hero@2x-4f2a.avif',
    'a@2x.min.gif',
  ]
  const texts = names.flatMap((name) => [name, `no ${name}, or`, `/img/${name}`, `https://h/img/${name}`])
  t.same(missed(texts), [])
  for (const name of names) t.same(urls(`https://h/img/${name}`), three(`https://h/img/${name}`))
  t.same(missed(['value@main.jsbundle:1:2345', 'f@app.js:10:2\ng@app.tsx:3:4']), [])
  t.same(
    missed([
      ...[
        ['ann@2x.example', '[email]'],
        ['ann@12x.png.example', '[email]'],
        ['ann@2x.png.example', '[email]'],
        ['ann@app.js', '[email]'],
        ['ann@app.js:10', '[email]:10'],
        ['ann@2x.shop', '[email]'],
      ],
    ]),
    [],
  )
})

test('a name before an `@` goes with its blanks, its signs and whatever its quotes are written as', async (t) => {
  t.same(
    missed(
      [
        ...[
          '"O\'Needle Doe"',
          '"Needle, Doe (x)"',
          '"Needle%20Doe"',
          '&#34;Needle Doe&#34;',
          '\\&quot;Needle S\\&quot;',
        ],
        ...[
          '&amp;#x22;Needle S&amp;#x22;',
          '%5C%22Needle S%5C%22',
          'needle!doe',
          'needle~doe',
          "o'needle",
          'a$^b*c!!d',
        ],
      ].map((name) => [`to ${name}@mail.example x`, 'to [email] x']),
    ),
    [],
  )
  t.same(
    missed([
      ["to 'ann@mail.example'", "to '[email]'"],
      ['!ann@mail.example', '![email]'],
      ...['"left", "@scope.js"', '"a":"b","c" @d.ef', 'a!b~c @ d'],
    ]),
    [],
  )
})

test('an owner of a folder, whatever its path is encoded in', async (t) => {
  t.same(
    missed([
      ['C%253A%255CUsers%255CJane%2520Doe%255Ca.js', 'C%253A%255CUsers%255C[user]%255Ca.js'],
      ['C%3A%5C%5CUsers%5C%5CJane%20Doe%5C%5Ca.js', 'C%3A%5C%5CUsers%5C%5C[user]%5C%5Ca.js'],
    ]),
    [],
  )
})
