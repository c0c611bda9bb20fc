'use strict'

const { Figures } = require('./figures')
const { guests } = require('./guests')
const { Invites } = require('./invites')
const { Profile } = require('./profile')

const CALLS = { figures: 'source', guests: 'source', invites: 'async', offer: 'async', revoke: 'async', describe: 'async' }

/** The plugin `butt`: what the service needs to look after the pub. Only a master may call it: nobody else is allowed. */
function buttPlugin ({ config, door, sequence, store }) {
  return {
    name: 'butt',
    version: '1.0.0',
    manifest: CALLS,
    permissions: { master: { allow: Object.keys(CALLS) } },
    init (server) {
      const figures = new Figures(server, { config, door, sequence })
      const invites = new Invites(store)
      const profile = new Profile(server)
      invites.guard(server)
      return {
        begin: (clock) => figures.begin(clock),
        figures: (options) => figures.stream(options ?? {}),
        invites: (options, done) => answer(invites.list(typeof options === 'object' ? options ?? {} : {}), done ?? options),
        guests: (options) => guests(server, options ?? {}),
        offer: (invite, done) => answer(invites.offer(invite ?? {}), done),
        revoke: (id, done) => answer(invites.revoke(String(id)), done),
        describe: (wanted, done) => answer(profile.describe(wanted ?? {}), done)
      }
    }
  }
}

function answer (promise, done) {
  promise.then((value) => done(null, value), (error) => done(error))
}

module.exports = { buttPlugin }
