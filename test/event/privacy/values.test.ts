import { test } from 'tap'
import { missed } from './columns.ts'

test('what is empty stays so, and what follows it is looked at for itself', async (t) => {
  t.same(
    missed([
      ['{"password":"","password2":"S"}', '{"password":"","password2":"[token]"}'],
      ['{"password" : "" , "token" : "S"}', '{"password" : "" , "token" : "[token]"}'],
      ["{'password':'','token':'S'}", "{'password':'','token':'[token]'}"],
      ['password=`` token=`S`', 'password=`` token=`[token]`'],
      ['{\\"password\\":\\"\\",\\"token\\":\\"S\\"}', '{\\"password\\":\\"\\",\\"token\\":\\"[token]\\"}'],
      [
        '{&quot;password&quot;:&quot;&quot;,&quot;token&quot;:&quot;S&quot;}',
        '{&quot;password&quot;:&quot;&quot;,&quot;token&quot;:&quot;[token]&quot;}',
      ],
      ['{%22password%22:%22%22,%22token%22:%22S%22}', '{%22password%22:%22%22,%22token%22:%22[token]%22}'],
      ['{"password":null,"token":"S"}', '{"password":null,"token":"[token]"}'],
      ['{"password":12345,"count":12}', '{"password":[token],"count":12}'],
      ['{"password":[],"secret":{},"token":"S"}', '{"password":[],"secret":{},"token":"[token]"}'],
      ['password=&token=S', 'password=&token=[token]'],
      ['{"cookie":"","token":"S"}', '{"cookie":"","token":"[token]"}'],
      ['"password=""S T""","n"', '"password=""[token]""","n"'],
      ['"password=""S""""T""","n"', '"password=""[token]""","n"'],
      ['password="""S"""', 'password="""[token]"""'],
      ['secret=""S', 'secret=""[token]'],
    ]),
    [],
  )
  t.same(
    missed([
      ...['{"password":"","count":12}', '{"password": "" }', '{"password":""', "password=''", 'password: ""'],
      ...['<x password="" id="a">', '<x password=""/>', 'password="".', '{"label":"password:","n":1}'],
      ...['"password: ", "n"', 'password=""&x=1', '{"a":"{\\"password\\":\\"\\"}"}', '"password=""","n"'],
      ...['{"key":"","n":1}', '{"passwords":[""],"n":1}', '{"password":true,"secret":false}', 'password:'],
      ...['{"cookie":"","n":1}', 'authorization: ""', '(password:)', 'password: , x'],
    ]),
    [],
  )
})

test('lists and objects of values go whole, and their neighbours stay', async (t) => {
  t.same(
    missed([
      ['{"passwords":["a","S"],"n":1}', '{"passwords":[token],"n":1}'],
      ['{"password":["S","T"]}', '{"password":[token]}'],
      ['{"password":[["S"],["T"]],"n":1}', '{"password":[token],"n":1}'],
      ['{"secret":{"a":{"b":"S"}},"n":1}', '{"secret":[token],"n":1}'],
      ['{"password":["]","S"],"n":1}', '{"password":[token],"n":1}'],
      ['{"password":["a\\"]S"],"n":1}', '{"password":[token],"n":1}'],
      ['{\\"password\\":[\\"]S\\"],\\"n\\":1}', '{\\"password\\":[token],\\"n\\":1}'],
      ['{"password": [ 12, "S" ] , "n":1}', '{"password": [token] , "n":1}'],
      ["passwords=['S', 'T'] and on", 'passwords=[token] and on'],
      ['{"tokens":["S"],"apiKeys":["S","T"],"n":[1]}', '{"tokens":[token],"apiKeys":[token],"n":[1]}'],
      ['{"passwords":["cut off S', '{"passwords":[token]'],
      [`{"password":["${'S'.repeat(1_200)}"],"n":1}`, '{"password":[token],"n":1}'],
      [`{"password":[${'"S",'.repeat(250)}"T"]}`, '{"password":[token]}'],
      [
        'password1=S password_2=S pwd-3: S secrets=S',
        'password1=[token] password_2=[token] pwd-3: [token] secrets=[token]',
      ],
    ]),
    [],
  )
})

test('what messages say of keys, passwords and tokens stays', async (t) => {
  t.same(
    missed([
      ...['sort key=name', 'event.key=Enter', '{"key":"orderId","n":1}', 'key=ArrowLeft', "key='user_id'"],
      ...['Negotiate failed', 'negotiate authentication', 'Negotiate: refused'],
      ...['password: required', 'Password: must be longer', 'password: is missing', 'secret: not found.'],
      ...['signature: invalid', 'credentials: none', 'Unexpected token = in JSON', 'unexpected token = at 5'],
    ]),
    [],
  )
  t.same(
    missed([
      ['key=Needle0 key=0a1b2c3d4e', 'key=[token] key=[token]'],
      ['key="abcdefghijklmnopqrstuv"', 'key="[token]"'],
      ['Negotiate YIIGeQYGKwYBBQUCoIIG', 'Negotiate [token]'],
      ['password=required {"password":"required"}', 'password=[token] {"password":"[token]"}'],
      ['password: requiredS password: S', 'password: [token] password: [token]'],
      ['token = S', 'token = [token]'],
    ]),
    [],
  )
})

test('a value goes on behind a sign that only seems to end it', async (t) => {
  t.same(
    missed([
      ['password=a<S x', 'password=[token] x'],
      ['password=a"S" x', 'password=[token] x'],
      ['password=a"S T" x', 'password=[token] x'],
      ["password=a'bS x", 'password=[token] x'],
      ['password=a&amp;S', 'password=[token]'],
      ['password=a&S&b=1', 'password=[token]&b=1'],
      ['password=a&amp;S&amp;b=1', 'password=[token]&amp;b=1'],
      ["password='a''S' x", "password='[token]' x"],
      ['password="a""S" x', 'password="[token]" x'],
      ['password="a"S x', 'password=[token] x'],
      ['password=`a S` x', 'password=`[token]` x'],
      ['password=a`S x', 'password=[token] x'],
      ['password=a>S x', 'password=[token] x'],
      ['password=a\\S x', 'password=[token] x'],
      ['password=a\\\\S x', 'password=[token] x'],
      ['password=a\\"S x', 'password=[token] x'],
      ['{"m":"password=S","n":1}', '{"m":"password=[token]","n":1}'],
      ['{"m":"password=a<S","n":1}', '{"m":"password=[token]","n":1}'],
      ['{\\"m\\":\\"password=S\\",\\"n\\":1}', '{\\"m\\":\\"password=[token]\\",\\"n\\":1}'],
      ['<b>password=S</b><i>password=S<br>x', '<b>password=[token]</b><i>password=[token]<br>x'],
      ['<a id=password=S> x', '<a id=password=[token]> x'],
      ['&lt;b&gt;password=S&lt;/b&gt; x', '&lt;b&gt;password=[token]&lt;/b&gt; x'],
      ['password=S\\nnext', 'password=[token]\\nnext'],
      ['(password=S")', '(password=[token]")'],
      ['{password:S,"n":1}', '{password:[token],"n":1}'],
      ['password=%22S', 'password=%22[token]'],
    ]),
    [],
  )
})
