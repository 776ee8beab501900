// Every data command's handler, for the tables. What each does is said by its row; see command.h
// for the rules of a handler.
#pragma once

#include "command/command.h"

namespace cairn {

// Strings.
void HandleGet(Call& call);
void HandleSet(Call& call);
void HandleGetEx(Call& call);
void HandleGetDel(Call& call);
void HandleGetSet(Call& call);
void HandleSetNx(Call& call);
void HandleSetEx(Call& call);
void HandlePSetEx(Call& call);
void HandleMGet(Call& call);
void HandleMSet(Call& call);
void HandleMSetNx(Call& call);
void HandleAppend(Call& call);
void HandleStrLen(Call& call);
void HandleSetRange(Call& call);
void HandleGetRange(Call& call);
void HandleIncr(Call& call);
void HandleDecr(Call& call);
void HandleIncrBy(Call& call);
void HandleDecrBy(Call& call);
void HandleIncrByFloat(Call& call);
void HandleLcs(Call& call);

// Bits.
void HandleSetBit(Call& call);
void HandleGetBit(Call& call);
void HandleBitCount(Call& call);
void HandleBitPos(Call& call);
void HandleBitOp(Call& call);
void HandleBitField(Call& call);
void HandleBitFieldRo(Call& call);

// HyperLogLogs.
void HandlePfAdd(Call& call);
void HandlePfCount(Call& call);
void HandlePfMerge(Call& call);
void HandlePfDebug(Call& call);
void HandlePfSelfTest(Call& call);

// Hashes.
void HandleHSet(Call& call);
void HandleHSetNx(Call& call);
void HandleHMSet(Call& call);
void HandleHGet(Call& call);
void HandleHMGet(Call& call);
void HandleHGetAll(Call& call);
void HandleHDel(Call& call);
void HandleHLen(Call& call);
void HandleHStrLen(Call& call);
void HandleHExists(Call& call);
void HandleHKeys(Call& call);
void HandleHVals(Call& call);
void HandleHIncrBy(Call& call);
void HandleHIncrByFloat(Call& call);
void HandleHRandField(Call& call);
void HandleHScan(Call& call);
void HandleHExpire(Call& call);
void HandleHPExpire(Call& call);
void HandleHExpireAt(Call& call);
void HandleHPExpireAt(Call& call);
void HandleHTtl(Call& call);
void HandleHPTtl(Call& call);
void HandleHExpireTime(Call& call);
void HandleHPExpireTime(Call& call);
void HandleHPersist(Call& call);
void HandleHGetDel(Call& call);
void HandleHGetEx(Call& call);
void HandleHSetEx(Call& call);

// Lists.
void HandleLPush(Call& call);
void HandleRPush(Call& call);
void HandleLPushX(Call& call);
void HandleRPushX(Call& call);
void HandleLPop(Call& call);
void HandleRPop(Call& call);
void HandleLLen(Call& call);
void HandleLIndex(Call& call);
void HandleLSet(Call& call);
void HandleLRange(Call& call);
void HandleLTrim(Call& call);
void HandleLRem(Call& call);
void HandleLInsert(Call& call);
void HandleLPos(Call& call);
void HandleLMove(Call& call);
void HandleRPopLPush(Call& call);
void HandleLMPop(Call& call);
void HandleBLPop(Call& call);
void HandleBRPop(Call& call);
void HandleBLMove(Call& call);
void HandleBRPopLPush(Call& call);
void HandleBLMPop(Call& call);

// Streams.
void HandleXAdd(Call& call);
void HandleXDel(Call& call);
void HandleXTrim(Call& call);
void HandleXSetId(Call& call);
void HandleXLen(Call& call);
void HandleXRange(Call& call);
void HandleXRevRange(Call& call);
void HandleXRead(Call& call);
void HandleXReadGroup(Call& call);
void HandleXAck(Call& call);
void HandleXClaim(Call& call);
void HandleXAutoClaim(Call& call);
void HandleXPending(Call& call);
void HandleXGroupCreate(Call& call);
void HandleXGroupSetId(Call& call);
void HandleXGroupDestroy(Call& call);
void HandleXGroupCreateConsumer(Call& call);
void HandleXGroupDelConsumer(Call& call);
void HandleXGroupHelp(Call& call);
void HandleXInfoStream(Call& call);
void HandleXInfoGroups(Call& call);
void HandleXInfoConsumers(Call& call);
void HandleXInfoHelp(Call& call);
// Sets.
void HandleSAdd(Call& call);
void HandleSRem(Call& call);
void HandleSMove(Call& call);
void HandleSCard(Call& call);
void HandleSIsMember(Call& call);
void HandleSMIsMember(Call& call);
void HandleSMembers(Call& call);
void HandleSScan(Call& call);
void HandleSPop(Call& call);
void HandleSRandMember(Call& call);
void HandleSInter(Call& call);
void HandleSInterCard(Call& call);
void HandleSInterStore(Call& call);
void HandleSUnion(Call& call);
void HandleSUnionStore(Call& call);
void HandleSDiff(Call& call);
void HandleSDiffStore(Call& call);

// Keyspace.
void HandleDel(Call& call);
void HandleExists(Call& call);
void HandleType(Call& call);
void HandleKeys(Call& call);
void HandleScan(Call& call);
void HandleRandomKey(Call& call);
void HandleDbSize(Call& call);
void HandleRename(Call& call);
void HandleRenameNx(Call& call);
void HandleCopy(Call& call);
void HandleMove(Call& call);
void HandleSwapDb(Call& call);
void HandleFlushDb(Call& call);
void HandleFlushAll(Call& call);
void HandleExpire(Call& call);
void HandlePExpire(Call& call);
void HandleExpireAt(Call& call);
void HandlePExpireAt(Call& call);
void HandleTtl(Call& call);
void HandlePTtl(Call& call);
void HandleExpireTime(Call& call);
void HandlePExpireTime(Call& call);
void HandlePersist(Call& call);
void HandleObjectEncoding(Call& call);
void HandleObjectFreq(Call& call);
void HandleObjectIdleTime(Call& call);
void HandleObjectRefCount(Call& call);
void HandleObjectHelp(Call& call);
void HandleMemoryUsage(Call& call);
void HandleDump(Call& call);
void HandleRestore(Call& call);
void HandleSort(Call& call);
void HandleSortRo(Call& call);

}  // namespace cairn
