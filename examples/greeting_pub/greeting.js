'use strict'

const LONGEST = 80

/** `greeting.hello(name)`, async, for everybody who gets through the handshake: a line of welcome. */
const greeting = {
  name: 'greeting',
  version: '1.0.0',
  manifest: { hello: 'async' },
  permissions: { anonymous: { allow: ['hello'] } },
  init (server) {
    return {
      hello (name, done) {
        if (typeof name !== 'string' || !name || name.length > LONGEST) {
          return done(new Error(`A name has 1 to ${LONGEST} letters.`))
        }
        done(null, `Hello, ${name}! I am ${server.id}.`)
      }
    }
  }
}

module.exports = { greeting }
