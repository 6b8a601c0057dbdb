// Makes a token for one end user, as an application does on its server after its own login. Prints it, and the address
// of the page that shows this user's notifications:
//
//   eval "$(bin/tem env)"
//   node examples/user-token.js ada

import { SignJWT } from 'jose';

const [user, api = process.env.TEM_API_URL || 'http://127.0.0.1:3000'] = process.argv.slice(2);
const secret = process.env.TEM_USER_TOKEN_SECRET;
if (!user || !secret) {
  console.error('usage: TEM_USER_TOKEN_SECRET=... node examples/user-token.js <user> [<address of the API>]');
  process.exit(2);
}
const token = await new SignJWT({})
  .setProtectedHeader({ alg: 'HS256' })
  .setSubject(user)
  .setExpirationTime('1h')
  .sign(new TextEncoder().encode(secret));
console.log(token);
console.log(`${api.replace(/\/+$/, '')}/examples/notifications#token=${token}`);
