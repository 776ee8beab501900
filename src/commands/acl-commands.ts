/** ACL LOAD and SAVE, which are about a file, and HELP. The others are native. */
import { bytesOfText, textOf } from '../bytes.js';
import { aclPath, loadAclFile, saveAclFile } from '../config/acl-file.js';
import { type CommandContext, type Handler, container, family } from './command.js';
import { ReplyError, ok } from './resp.js';

function fileOf({ config }: CommandContext): string {
  const file = config.get('aclfile');
  if (file !== '') return aclPath(config.get('dir'), file);
  throw new ReplyError(
    'ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.',
  );
}

const load: Handler = (context) => {
  try {
    loadAclFile(context.native, fileOf(context));
  } catch (error) {
    if (error instanceof ReplyError) throw error;
    throw new ReplyError(`ERR ${(error as Error).message}`);
  }
  return ok;
};

const save: Handler = (context) => {
  const file = fileOf(context);
  try {
    saveAclFile(context.native, file);
  } catch (error) {
    context.log.warn(`ACL SAVE to ${textOf(file)} failed: ${bytesOfText((error as Error).message)}`);
    throw new ReplyError(
      'ERR There was an error trying to save the ACLs. Please check the server logs for more information',
    );
  }
  return ok;
};

const admin = family('server', ['admin', 'noscript', 'loading', 'stale'], ['admin', 'slow', 'dangerous']);

export const aclCommands = [
  container(
    'acl',
    { since: '6.0.0', summary: 'Who may do what.' },
    [
      admin('load', 2, { since: '6.0.0', summary: 'Reads the users from the file that aclfile names.' }, load),
      admin('save', 2, { since: '6.0.0', summary: 'Writes the users to the file that aclfile names.' }, save),
    ],
    [
      'CAT [<category>]',
      ' Show the categories, or the commands of one.',
      'DELUSER <username> [<username> ...]',
      ' Delete users, and close their connections.',
      'DRYRUN <username> <command> [<arg> ...]',
      ' Show whether the user may run that command; it does not run.',
      'GENPASS [<bits>]',
      ' Show random hexadecimal digits.',
      'GETUSER <username>',
      ' Show what a user may do.',
      'LIST',
      ' Show the users with their rules.',
      'LOAD',
      ' Read the users from the file that aclfile names.',
      'LOG [<count> | RESET]',
      ' Show what was denied, or forget it.',
      'SAVE',
      ' Write the users to the file that aclfile names.',
      'SETUSER <username> <rule> [<rule> ...]',
      ' Make a user, or change what one may do.',
      'USERS',
      ' Show the users.',
      'WHOAMI',
      " Show this connection's user.",
    ],
  ),
];
