'use strict'

const { Figures } = require('./figures')
const { Invites } = require('./invites')

/** The plugin `butt`: what a service needs to look after the pub. Only a master may call it: nobody else is allowed. */
function buttPlugin ({ config, door, sequence, store }) {
  return {
    name: 'butt',
    version: '1.0.0',
    manifest: { figures: 'source', invites: 'async', revoke: 'async' },
    permissions: { master: { allow: ['figures', 'invites', 'revoke'] } },
    init (server) {
      const figures = new Figures(server, { config, door, sequence })
      const invites = new Invites(store)
      invites.guard(server)
      return {
        begin: (clock) => figures.begin(clock),
        figures: (options) => figures.stream(options ?? {}),
        invites: (options, done) => answer(invites.list(typeof options === 'object' ? options ?? {} : {}), done ?? options),
        revoke: (id, done) => answer(invites.revoke(String(id)), done)
      }
    }
  }
}

function answer (promise, done) {
  promise.then((value) => done(null, value), (error) => done(error))
}

module.exports = { buttPlugin }
