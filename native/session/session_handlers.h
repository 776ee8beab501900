// Handlers that need the connection itself, and their rows (table_session.cc). command/ does not
// know them: whoever makes a registry of all native commands adds them to it.
#pragma once

#include "command/command.h"
#include "command/registry.h"

namespace cairn {

// At start-up, see Registry::Add.
void AddSessionCommands(Registry* registry);
void AddScriptCommands(Registry* registry);  // a part of them
std::span<const CommandSpec> PubSubCommands();
std::span<const CommandSpec> AclCommands();

void PingCommand(Call& call);
void EchoCommand(Call& call);
void AuthCommand(Call& call);
void HelloCommand(Call& call);
void SelectCommand(Call& call);
void ClientIdCommand(Call& call);
void ClientInfoCommand(Call& call);
void ClientGetNameCommand(Call& call);
void ClientSetNameCommand(Call& call);
void ClientSetInfoCommand(Call& call);
void ClientReplyCommand(Call& call);
void ClientNoEvictCommand(Call& call);
void ClientNoTouchCommand(Call& call);
void ClientTrackingCommand(Call& call);
void ClientCachingCommand(Call& call);
void ClientGetRedirCommand(Call& call);
void ClientTrackingInfoCommand(Call& call);
void MonitorInExecCommand(Call& call);
void WatchCommand(Call& call);
void UnwatchCommand(Call& call);
void WaitInExecCommand(Call& call);
void WaitAofInExecCommand(Call& call);
void SubscribeInExecCommand(Call& call);
void UnsubscribeInExecCommand(Call& call);
void PSubscribeInExecCommand(Call& call);
void PUnsubscribeInExecCommand(Call& call);
void SSubscribeInExecCommand(Call& call);
void SUnsubscribeInExecCommand(Call& call);
void PublishCommand(Call& call);
void SPublishCommand(Call& call);
void PubSubChannelsCommand(Call& call);
void PubSubShardChannelsCommand(Call& call);
void PubSubNumSubCommand(Call& call);
void PubSubShardNumSubCommand(Call& call);
void PubSubNumPatCommand(Call& call);
void PubSubHelpCommand(Call& call);
void TimeCommand(Call& call);
void DebugSleepCommand(Call& call);
void DebugSetActiveExpireCommand(Call& call);
void DebugObjectCommand(Call& call);
void DebugJmapCommand(Call& call);

// Scripts.
void EvalCommand(Call& call);
void EvalShaCommand(Call& call);
void EvalRoCommand(Call& call);
void EvalShaRoCommand(Call& call);
void ScriptLoadCommand(Call& call);
void ScriptExistsCommand(Call& call);
void ScriptFlushCommand(Call& call);
void ScriptKillCommand(Call& call);
void ScriptDebugCommand(Call& call);

// Functions.
void FcallCommand(Call& call);
void FcallRoCommand(Call& call);
void FunctionLoadCommand(Call& call);
void FunctionDeleteCommand(Call& call);
void FunctionFlushCommand(Call& call);
void FunctionListCommand(Call& call);
void FunctionDumpCommand(Call& call);
void FunctionRestoreCommand(Call& call);
void FunctionKillCommand(Call& call);
void FunctionStatsCommand(Call& call);

}  // namespace cairn
