import { test } from 'tap'
import { stored } from './columns.ts'

const cleaned = (text: string) => stored({ exception_message: text }).exception_message

const tables = {
  'the folder of a person loses the name': [
    ['file:///C:/Users/ann/x.html', 'file:///C:/Users/[user]/x.html'],
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
    ['DE88 3704 0044 0532 0130 00', 'DE88 3704 0044 0532 0130 00'],
    ['AB12 CD34 EF56 1234 5678', 'AB12 CD34 EF56 1234 5678'],
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
  'the name of an address may be quoted': [['from "ann needle"@mail.example', 'from [email]']],
} satisfies Record<string, readonly (readonly [string, string])[]>

for (const [rule, rows] of Object.entries(tables)) {
  test(rule, async (t) => {
    for (const [text, clean] of rows) {
      t.equal(cleaned(text), clean)
      t.equal(cleaned(clean), clean, 'cleaned twice is cleaned once')
    }
  })
}
