// Users: who there is, and who may log in. One table for all reactors.
//
// What a user may do is a value that never changes (User); an edit publishes another one and moves
// the generation on. A session keeps the value it has seen last (Login), so a command costs a look
// at the generation and no lock:
//
//   SETUSER bob ...   Account "bob" -> User'     generation 7 -> 8
//   a session of bob's  Login{user, generation 7} != 8: Refresh, under the mutex, once
//
// A name that is deleted and made again is another account: who was logged in to the first is out.
//
// Any thread. The mutex is taken by logins, edits and refreshes.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "acl/catalog.h"
#include "acl/user.h"
#include "acl/uses.h"

namespace cairn::acl {

struct Account {
  std::shared_ptr<const User> user;  // these two under the table's mutex
  bool deleted = false;
};

// Who a session is. Its owner's thread.
struct Login {
  enum class State : uint8_t { kOut, kIn, kGone };  // has to log in; may ask; its user was deleted

  std::shared_ptr<Account> account;
  std::shared_ptr<const User> user;  // as of that generation
  uint64_t generation = 0;           // 0: never looked
  uint64_t free_at = 0;              // the generation, if the user may do everything; else 0
  State state = State::kOut;

  bool free() const { return free_at != 0; }
};

// One line of a file: "user" and what stands before it left away.
struct UserLine {
  std::string name;
  std::vector<std::string> rules;
};

// What is wrong with one: its place among the lines, and why.
struct LineError {
  size_t line;
  std::string reason;
};

class Users {
 public:
  static constexpr size_t kUsersMax = 64 * 1024;
  static constexpr std::string_view kDefault = "default";

  explicit Users(const Registry* registry) : registry_(registry) {}

  // The command table is complete: from here on there is the default user. Calls but the first do
  // nothing. Before it nothing may be called but SetDefaultPassword.
  void Begin();
  bool begun() const { return catalog_ != nullptr; }
  const Catalog& catalog() const { return *catalog_; }
  const Uses& uses() const { return *uses_; }

  uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  // Who has not logged in is the default user.
  bool default_open() const { return default_open_.load(std::memory_order_relaxed); }
  bool default_nopass() const { return default_nopass_.load(std::memory_order_relaxed); }

  std::shared_ptr<Account> DefaultAccount();
  // The account, if that is its password and it is on. Null: no such pair.
  std::shared_ptr<Account> Authenticate(std::string_view name, std::string_view password);
  // Brings it up to date.
  void Refresh(Login* login, bool authenticated);

  // Null: there is none.
  std::shared_ptr<const User> Find(std::string_view name);
  // In the order of names.
  std::vector<std::shared_ptr<const User>> All();
  // "user bob on ..." for each.
  std::vector<std::string> Describe();

  // ACL SETUSER: the text of an error, or empty.
  std::string Set(std::string_view name, std::span<const std::string_view> rules);
  bool Delete(std::string_view name);
  // requirepass: the only password of the default user; empty: it needs none.
  void SetDefaultPassword(const std::string& password);
  // ACL LOAD: these instead of all others, or, if one is wrong, none of them. Without a default
  // user it is as at the start.
  std::vector<LineError> Load(std::span<const UserLine> lines);
  // acl-pubsub-default, for users that are made or reset from here on.
  void SetChannelsByDefault(bool all);

 private:
  using Table = std::map<std::string, std::shared_ptr<Account>, std::less<>>;

  std::shared_ptr<const User> NewDefault() const;
  // Under the mutex: others see what has changed.
  void Publish();

  const Registry* const registry_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Uses> uses_;
  std::atomic<uint64_t> generation_{0};
  std::atomic<bool> default_open_{true};
  std::atomic<bool> default_nopass_{true};
  std::mutex mutex_;
  Table table_;
  std::string default_password_;
  bool all_channels_ = false;
};

}  // namespace cairn::acl
