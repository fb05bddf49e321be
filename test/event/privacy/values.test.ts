import { test } from 'tap'
import { cleanExcerpt } from '../../../src/event/scrub.ts'
import { missed } from './columns.ts'

test('a value goes that may be missing, as languages print it', async (t) => {
  t.same(
    missed([
      ...[
        'Optional("S")',
        'Some("S")',
        'Ok("S")',
        "Right('S')",
        'Optional(Some("S"))',
        'Some(\\"S\\")',
      ].flatMap((value) =>
        ['token: ', 'jwt: ', 'password: ', 'auth: ', 'token = ', 'accessToken: '].map((name) => [
          `no ${name}${value}`,
          `no ${name}[token]`,
        ]),
      ),
      ['token: Just "S"', 'token: Just "[token]"'],
      ['password = Just "S"', 'password = Just "[token]"'],
      ['{ token = Just ("S") }', '{ token = Just [token] }'],
      ...['Unexpected token: Some("x")', 'token: None', 'tokens: Some("x")', 'token: some words'],
    ]),
    [],
  )
})

test('a value goes whose name has a place in a list, stands alone in an element, or has blanks', async (t) => {
  t.same(
    missed([
      ...[
        'password[0]=',
        'password[]=',
        'password%5B0%5D=',
        'token[1]=',
        'user[password][0]=',
        'secrets[12]=',
      ].map((name) => [`no ${name}S`, `no ${name}[token]`]),
      ['token[]: Needle1', 'token[]: [token]'],
      ['token[0]: Needle1', 'token[0]: [token]'],
      ...['pin', 'otp', 'ssn', 'soap:pin', 'jwt'].map((name) => [
        `<${name}>9182</${name}>`,
        `<${name}>[token]</${name}>`,
      ]),
      ['&lt;pin&gt;9182&lt;/pin&gt;', '&lt;pin&gt;[token]&lt;/pin&gt;'],
      ['<pin type="a">9182</pin>', '<pin type="a">[token]</pin>'],
      ['["mot de passe","S"]', '["mot de passe","[token]"]'],
      ['["contraseña","S"]', '["contraseña","[token]"]'],
      ...[
        '<pinned>9182</pinned>',
        '<spin>12</spin>',
        '["no password","Retry"]',
        'tokens[0]',
        'a[0]: Needle1',
      ],
    ]),
    [],
  )
})

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
      ...['{"cookie":"","n":1}', 'authorization: ""', 'no cookie:', '(password:)', 'password: , x'],
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
      // As people write them, and as programs print them.
      ['passwords: [S, T] x', 'passwords: [token] x'],
      ['api_keys: [S, T]', 'api_keys: [token]'],
      ['tokens: ["S","T"]', 'tokens: [token]'],
      ['password=[S, T], user=ann', 'password=[token] user=ann'],
      ['password=[S,T]S x', 'password=[token] x'],
      ['Password:[S T]', 'Password:[token]'],
      ['password: [\n  S,\n  T\n]\nb: 1', 'password: [token]\nb: 1'],
      ["{'password': ('S', 'T'), 'n': 1}", "{'password': [token], 'n': 1}"],
      ["password = ('S', 'T') x", 'password = [token] x'],
      ["{ password: { value: 'S' }, n: 1 }", '{ password: [token] n: 1 }'],
      ["{ password: {\n        value: 'S',\n old: 'T' } }", '{ password: [token] }'],
      ["{ password: { value: 'S', old: 'T", '{ password: [token]'],
      ['credentials: { user: ann, pw: S }', 'credentials: [token]'],
      ['{Password:{Value:S Old:T} N:1}', '{Password:[token] N:1}'],
      ['password: Secret { inner: "S" } x', 'password: [token] x'],
      ['{"X-Api-Key":[]string{"S"}, "N":1}', '{"X-Api-Key":[token], "N":1}'],
      ['password=&a.Pw{Value:"S"} x', 'password=[token] x'],
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

test('headers of several values go whole, and those of objects', async (t) => {
  t.same(
    missed([
      ['{"set-cookie":["S=a; Path=/","b=S"],"n":1}', '{"set-cookie":[token],"n":1}'],
      ["'set-cookie': [ 'S=a; Path=/', 'b=S' ], x", "'set-cookie': [token], x"],
      ['{\\"cookie\\":[\\"S\\"],\\"n\\":1}', '{\\"cookie\\":[token],\\"n\\":1}'],
      ['{"Authorization":["Token S"],"N":["1"]}', '{"Authorization":[token],"N":["1"]}'],
      [
        'http.Header{"Authorization":[]string{"Token S"}, "N":1}',
        'http.Header{"Authorization":[token], "N":1}',
      ],
      ['{"Authorization":{"a":{"b":"S"}},"n":1}', '{"Authorization":[token],"n":1}'],
      ['Authorization: [\n  S,\n  T\n]', 'Authorization: [token]'],
      ['map[Authorization:[Token S] N:[1]]', 'map[Authorization:[token]'],
      ['cookie: [S] and on', 'cookie: [token]'],
      ...['{"set-cookie":[],"n":1}', 'no cookies: [none]'],
    ]),
    [],
  )
})

test('what validators say of a value goes with it', async (t) => {
  t.same(
    missed([
      ["on field 'password': rejected value [S]; codes", "on field 'password': rejected value [token] codes"],
      ["on field 'api_key': rejected value [S T]", "on field 'api_key': rejected value [token]"],
      ['Key (api_key)=(S) already exists.', 'Key (api_key)=[token] already exists.'],
      ['Key (token)=(S S) already exists.', 'Key (token)=[token] already exists.'],
      ['Key (password, user_id)=(S, 5) already', 'Key (password, user_id)=[token] already'],
      ...['Key (city)=(Bern) already exists.', 'if (password)=='],
      ...["on field 'city': rejected value [Bern]", 'f(token)=(a) => b'],
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

test('a name that is written in another way, or stands beside its value', async (t) => {
  t.same(
    missed([
      ['p%61ssword=S', 'password=[token]'],
      ['pass\u00adword=S to\u200bken=S', 'password=[token] token=[token]'],
      ['Array ( [password] => S [b] => 1 )', 'Array ( [password] => [token] [b] => 1 )'],
      ['{"name":"password","value":"S","n":1}', '{"name":"password","value":"[token]","n":1}'],
      ['<input name="password" id="a" value="S">', '<input name="password" id="a" value="[token]">'],
      ['<password type="x">S</password>', '<password type="x">[token]</password>'],
      ['SAMLResponse=S&a=1', 'SAMLResponse=[token]&a=1'],
      ['client_assertion=S oauth_verifier=S', 'client_assertion=[token] oauth_verifier=[token]'],
      ['{"password_confirmation":"S"}', '{"password_confirmation":"[token]"}'],
      ['curl -u admin:S https://h', 'curl -u admin:[token] https://h'],
      ["curl --user 'admin:S' https://h", "curl --user 'admin:[token]' https://h"],
      ["password='it's S' x", 'password=[token] x'],
    ]),
    [],
  )
  t.same(
    missed([
      ...['100%41', 'co\u00adoperate', '👩\u200d💻 x', '[count] => 5', '{"name":"size","value":"S"}'],
      ...['ls -u a', '<p class="x">S</p>', 'the password is a value: S', 'client_assertion_type=urn'],
    ]),
    [],
  )
})

test('quoted-printable in small letters, behind a path and over the end of a line', async (t) => {
  t.same(
    missed([
      ['/s=3ft=3dS x', '/s x'],
      ['/a=3FS x', '/a x'],
      ['https://x.co/a?t=ab=\nS x', 'https://x.co/a x'],
      ['https://x.co/a?t=ab=\r\nS x', 'https://x.co/a x'],
      // However long the query is before its line ends.
      [`https://x.co/a?t=${'b'.repeat(100)}=\nS x`, 'https://x.co/a x'],
      ['https=3A//u:S=40h x', 'https://h x'],
    ]),
    [],
  )
  t.same(missed(['width=40 view=3D model', '/c=3FA0B1', 'x=\ny', 'a ? b=\nc', 'at 3am', 'pos://x=405']), [])
})

test('a query without a value ends with its line as well, and what follows is masked for itself', async (t) => {
  t.same(
    missed([
      ['GET /a?x=\nBearer Needle0', 'GET /a [token]'],
      ['GET /a?x=\nDE89 3704 0044 0532 0130 00', 'GET /a\n[digits]'],
      ['GET /a?x=12=\n4111 1111 1111 1111', 'GET /a\n[digits]'],
      ['GET /a?x=\npassword: "S T"', 'GET /a "[token]"'],
      ['GET /a?x=\nC:\\Users\\Jane Doe\\a.js', 'GET /a'],
      ['GET /a?x=\ufffdpasswords:\ufffd- S\ufffd- S', 'GET /a'],
    ]),
    [],
  )
})

test('what an arrow, a comparison, a call or a part of a form gives to a name goes', async (t) => {
  t.same(
    missed([
      ['password => S', 'password => [token]'],
      ['password=>S user => ann', 'password=>[token] user => ann'],
      ['(:password => S )', '(:password => [token] )'],
      ['password -> S', 'password -> [token]'],
      ['user.password->S', 'user.password->[token]'],
      ['password -&gt; S', 'password -&gt; [token]'],
      ['password → S', 'password → [token]'],
      ['password := S', 'password := [token]'],
      ['token := S', 'token := [token]'],
      ['password == S', 'password == [token]'],
      ['password === "S"', 'password === "[token]"'],
      ['password≔S', 'password≔[token]'],
      ['bad password "S"', 'bad password "[token]"'],
      ["passphrase  'S T'.", "passphrase  '[token]'."],
      ['setPassword("S")', 'setPassword("[token]")'],
      ["withApiKey( 'S', 1)", "withApiKey( '[token]', 1)"],
      ['cvv=123 cvc2: 123', 'cvv=[token] cvc2: [token]'],
      ['ssn=078-05-1120', 'ssn=[token]'],
      ['["password"]=> string(6) "S" }', '["password"]=> string(6) "[token]" }'],
      ['["password"]=>\n      string(6) "S"\n', '["password"]=>\n      string(6) "[token]"\n'],
      ['["password"]=>\ufffd  string(6) "S"', '["password"]=>\ufffd  string(6) "[token]"'],
      ['name="password"\r\n\r\nS T\r\n--x', 'name="password"\r\n\r\n[token]\r\n--x'],
      ['name="password"\ufffd\ufffd\ufffd\ufffdS', 'name="password"\ufffd\ufffd\ufffd\ufffd[token]'],
      ['name=\\"password\\"\\r\\n\\r\\nS\\r\\n--', 'name=\\"password\\"\\r\\n\\r\\n[token]\\r\\n--'],
      [
        'name="user[password]"\nContent-Type: text/plain\n\nS\n',
        'name="user[password]"\nContent-Type: text/plain\n\n[token]\n',
      ],
    ]),
    [],
  )
  t.same(
    missed([
      ...['password reset page', 'GET /password -> 404', 'forgot password => /login', 'token expired'],
      ...[
        'password => hash(password)',
        'if (password == null) {',
        'password === undefined',
        'token => value',
      ],
      ...[
        'getPassword("db")',
        'password "is required"',
        "password 'must' be longer",
        'secret "db" not found',
      ],
      ...['password()', 'password("")', 'name="password"\n\n', 'name="password"\n<b>', 'key -> value'],
      ...['cvv: required', 'cvc: invalid', 'svc=1', 'a.secret(x)', 'token -> next', 'pass (1/3)'],
    ]),
    [],
  )
})

test('a name in the next line is no value, and what YAML has under a name goes whole', async (t) => {
  t.same(
    missed([
      ['credentials:\n  a: S\n  password: S\nb: 1', 'credentials:\n  [token]\nb: 1'],
      ['  credentials:\r\n    a: S\r\n\r\n    b: S\r\n  c: 1', '  credentials:\r\n    [token]\r\n  c: 1'],
      ['- password:\n    a: S\n  b: 1', '- password:\n    [token]\n  b: 1'],
      ['credentials:\ufffd  a: S\ufffdb: 1', 'credentials:\ufffd  [token]\ufffdb: 1'],
      ['{"m":"credentials:\\n  a: S\\nb: 1"}', '{"m":"credentials:\\n  [token]\\nb: 1"}'],
      ['{"m":"credentials:\\n  a: S","n":1}', '{"m":"credentials:\\n  [token]","n":1}'],
      ['passwords:\n  - S\n  - S T\nb: 1', 'passwords:\n  [token]\nb: 1'],
      ['passwords:\n- S\n- S T\nb: 1', 'passwords:\n[token]\nb: 1'],
      ['password: |\n  S\n  T\nb: 1', 'password: |\n  [token]\nb: 1'],
      ['password: >-\n  S T', 'password: >-\n  [token]'],
      ['password: !vault |\n  S\n', 'password: !vault |\n  [token]'],
      ['password: &a |\n  S T', 'password: &a |\n  [token]'],
      ['password: !!str S\nb: 1', 'password: [token]\nb: 1'],
      ['password: !!str &pw S\nb: 1', 'password: [token]\nb: 1'],
      ['password: &pw !!str "S T" # x\nb: 1', 'password: [token] # x\nb: 1'],
      ['{"m":"password: &pw \\"S\\" x"}', '{"m":"password: [token] x"}'],
      ["password: &pw 'S T'\nb: 1", 'password: [token]\nb: 1'],
      ['password: !<tag:yaml.org,2002:str> S\nb: 1', 'password: [token]\nb: 1'],
      ['password: !!str &pw |\n  S\n  T\nb: 1', 'password: !!str &pw |\n  [token]\nb: 1'],
      ['passwords:\n  # old\n  - S\n  # new\n  - S T\nb: 1', 'passwords:[token]\nb: 1'],
      ['password: # x\r\n  # y\r\n  - S\r\nb: 1', 'password: [token]\r\nb: 1'],
      ['passwords:\ufffd  # old\ufffd  - S\ufffdb: 1', 'passwords:[token]\ufffdb: 1'],
      ['authorization: |\n  S\n  T\nb: 1', 'authorization: |\n  [token]\nb: 1'],
      ['cookie: >-\n  S T\nb: 1', 'cookie: >-\n  [token]\nb: 1'],
      ['Authorization: !!str |\n  S T\nb: 1', 'Authorization: !!str |\n  [token]\nb: 1'],
      ['Authorization: &a "S T"\nb: 1', 'Authorization: [token]\nb: 1'],
      ['credentials: # S\n  a: S\nb: 1', 'credentials: [token]\nb: 1'],
      ['tokens:\n  - S T\nb: 1', 'tokens:\n  [token]\nb: 1'],
      ['authorization:\n  - S T\n  - S\nb: 1', 'authorization:\n  [token]\nb: 1'],
      ['SECRET_KEY=\nDB_PASSWORD="S T"', 'SECRET_KEY=\nDB_PASSWORD="[token]"'],
      ['SECRET_KEY=\nexport A_TOKEN=\nDB_PASSWORD=S', 'SECRET_KEY=\nexport A_TOKEN=\nDB_PASSWORD=[token]'],
      ['password = \nsecret = S', 'password = \nsecret = [token]'],
      ['DB_PASSWORD=S\ufffdA=1', 'DB_PASSWORD=[token]\ufffdA=1'],
      ['password:\nS', 'password:\n[token]'],
      ['password:\ufffdS', 'password:\ufffd[token]'],
      ['password:\n    "S T"', 'password:\n    "[token]"'],
      ['SECRET=\nQUJD0w==', 'SECRET=\n[token]'],
      ['{"password":\n{"a":"S"}}', '{"password":\n[token]}'],
      ['pin:\n 1234', 'pin:\n [token]'],
    ]),
    [],
  )
  t.same(
    missed([
      ...[
        'SECRET_KEY=\nDB_HOST=localhost',
        'password:\nhost: a',
        'db:\n  password:\n  host: a',
        'password:\n',
      ],
      ...['key:\n  name: a', 'SECRET=\nA_B=\nC=1', 'password:\nrequired'],
    ]),
    [],
  )
})

test('the name of a secret in the value of another has its own value', async (t) => {
  t.same(
    missed([
      ['secret= password="S T" x', 'secret= [token] x'],
      ['password=S,token="S T" x', 'password=[token] x'],
      ['password: S,secret: "S T" x', 'password: [token] "[token]" x'],
      ['[password] => \n [secret] => S', '[password] => \n [token] => [token]'],
      ['secret= https://h/c?q={"a":"S S"} x', 'secret= [token] x'],
      ['secret= q={"a":"S S"} x', 'secret= [token] x'],
      ['Server=a;Pwd=S T;Database=b', 'Server=a;Pwd=[token]'],
      ['"Pwd=S T;"', '"Pwd=[token];"'],
    ]),
    [],
  )
  t.same(missed([['pwd=S failed; retry later', 'pwd=[token] failed; retry later']]), [])
})

test('an `@` of a mail before a domain, and no quantity or file', async (t) => {
  t.same(
    missed([
      ['ann=40mail.example', '[email]'],
      ['to ann=40x.co, or', 'to [email], or'],
    ]),
    [],
  )
  t.same(
    missed([
      ...['timeout=40ms.Next', 'size=40px.', 'w=40em.x', 'chunk=40a1.js', 'f=40ab.min.css', 'a =40b.cd'],
      ...['n=40', 'v=40.x', 'limit=40kb.gz', 'x=401.co'],
    ]),
    [],
  )
})

test('a name at the end of a value that is masked has its own value', async (t) => {
  for (const [text, clean] of [
    ['password:\n  - abc,  PASSWORD:\nhunter2', 'password:\n  [token]\n[token]'],
    ['Cookie:\n  - abc"}&client_secret:\nhunter2', 'Cookie:\n  [token]\n[token]'],
    ["Cookie=abc;`session_id':'hunter2", "Cookie=[token]':'[token]"],
    ["sid = abc)\ufffdCookie':'hunter2", "sid = [token]':'[token]"],
    ['secret=abc.x=1;token : Hunter2', 'secret=[token] : [token]'],
    ['{"password":"my secret:","n":1}', '{"password":"[token]","n":1}'],
  ] as const)
    t.equal(cleanExcerpt(text), clean, text)
})

test('what is masked in a query leaves the end of that where it was', async (t) => {
  for (const [text, clean] of [
    ['--pwd : abc?a=1  x>hunter2 ', '--pwd : [token]'],
    ['- PASSWORD => abc.#sid:\\n hunter2', '- PASSWORD => [token]'],
    ['\'Authorization:abc#x\\nsid[0]=hunter2"', '\'Authorization:[token]"'],
    ['&token\\u003dabc.#x: hunter2', '&token\\u003d[token]'],
    ['passwd = abc?a=1\ufffdsid: hunter2', 'passwd = [token]'],
  ] as const)
    t.equal(cleanExcerpt(text), clean, text)
})

test('the call that makes a secret of a text goes whole', async (t) => {
  t.same(
    missed([
      ["password=SecretStr('S')", 'password=[token]'],
      ['Config(password=SecretStr("S") , n=1)', 'Config(password=[token] , n=1)'],
      ["{'password': SecretStr('S'), 'n': 1}", "{'password': [token], 'n': 1}"],
      ["apiKey=new Key('S (S) S') x", 'apiKey=[token] x'],
      ["password=decode(user, b'S') x", 'password=[token] x'],
      ['password=f([1, "S)", g("S")]) x', 'password=[token] x'],
      ['password=SecretStr(\\"S\\") x', 'password=[token] x'],
      ["password=SecretStr('S", 'password=[token]'],
      ["password=Needle0(it doesn't)", "password=[token] doesn't)"],
      ...["password == compare('a')", "passwords are f('a')"],
    ]),
    [],
  )
})

test('texts in lines of their own go whole: three quotes, and up to a word', async (t) => {
  for (const line of ['\n', '\r\n', '\\n'])
    t.same(
      missed(
        [
          ['password = """|S|"""', 'password = """[token]"""'],
          ["password = '''|S|T|'''|n = 1", "password = '''[token]'''|n = 1"],
          ['password: """\\|S"""', 'password: """[token]"""'],
          ['"a","password=""",|1,2'],
          ['PASSWORD=$(cat <<EOF|S|EOF|)', 'PASSWORD=$(cat <<EOF|[token]|EOF|)'],
          ["PASSWORD=$(cat <<-'EOF'|\tS|\tT|\tEOF|)", "PASSWORD=$(cat <<-'EOF'|[token]|\tEOF|)"],
          ['password = <<~TEXT|  S|TEXT|n = 1', 'password = <<~TEXT|[token]|TEXT|n = 1'],
          ['password=<<EOF|S', 'password=<<EOF|[token]'],
        ].map((row) => row.map((text) => text.replaceAll('|', line))),
      ),
      [],
      JSON.stringify(line),
    )
})

test('names in bold letters have their values behind them', async (t) => {
  t.same(
    missed([
      ['**password:** S', '**password:** [token]'],
      ['**Password**: S', '**Password**: [token]'],
      ['__password:__ S', '__password:__ [token]'],
      ['*password:* `S`', '*password:* `[token]`'],
      ['- **API key:** Needle0', '- **API key:** [token]'],
      ['**Token**: Needle0', '**Token**: [token]'],
      ...['**password:** is required', '**Passwords:** are long', '**token:** expired'],
    ]),
    [],
  )
})
