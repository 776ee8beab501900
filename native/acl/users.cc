#include "acl/users.h"

#include <utility>

#include "resp/errors.h"

namespace cairn::acl {

void Users::Begin() {
  std::lock_guard<std::mutex> guard(mutex_);
  if (begun()) return;
  catalog_ = std::make_unique<Catalog>(registry_);
  catalog_->SetChannelsByDefault(all_channels_);
  uses_ = std::make_unique<Uses>(*catalog_);
  auto account = std::make_shared<Account>();
  account->user = NewDefault();
  table_.emplace(kDefault, std::move(account));
  Publish();
}

std::shared_ptr<const User> Users::NewDefault() const {
  std::vector<std::string_view> rules = {"+@all", "allkeys", "allchannels", "on", "nopass"};
  const std::string password = ">" + default_password_;
  if (!default_password_.empty()) rules.back() = password;
  std::string error;
  return User(std::string(kDefault), *catalog_).With(*catalog_, rules, &error);
}

void Users::Publish() {
  const User& user = *table_.find(kDefault)->second->user;
  default_nopass_.store(user.nopass(), std::memory_order_relaxed);
  default_open_.store(user.nopass() && user.enabled(), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<Account> Users::DefaultAccount() {
  std::lock_guard<std::mutex> guard(mutex_);
  return table_.find(kDefault)->second;
}

std::shared_ptr<Account> Users::Authenticate(std::string_view name, std::string_view password) {
  std::shared_ptr<Account> account;
  std::shared_ptr<const User> user;
  {
    std::lock_guard<std::mutex> guard(mutex_);
    const auto found = table_.find(name);
    if (found == table_.end()) return nullptr;
    account = found->second;
    user = account->user;
  }
  return user->enabled() && user->Knows(password) ? account : nullptr;
}

void Users::Refresh(Login* login, bool authenticated) {
  std::lock_guard<std::mutex> guard(mutex_);
  const uint64_t now = generation_.load(std::memory_order_relaxed);
  login->user = login->account->user;
  login->generation = now;
  if (login->account->deleted) {
    login->state = Login::State::kGone;
  } else {
    login->state = authenticated || default_open() ? Login::State::kIn : Login::State::kOut;
  }
  const bool free = login->state == Login::State::kIn && login->user->MayDoAll();
  login->free_at = free ? now : 0;
}

std::shared_ptr<const User> Users::Find(std::string_view name) {
  std::lock_guard<std::mutex> guard(mutex_);
  const auto found = table_.find(name);
  return found == table_.end() ? nullptr : found->second->user;
}

std::vector<std::shared_ptr<const User>> Users::All() {
  std::lock_guard<std::mutex> guard(mutex_);
  std::vector<std::shared_ptr<const User>> all;
  for (const auto& [name, account] : table_) all.push_back(account->user);
  return all;
}

std::vector<std::string> Users::Describe() {
  std::vector<std::string> lines;
  for (const auto& user : All()) lines.push_back("user " + user->name() + " " + user->Describe());
  return lines;
}

std::string Users::Set(std::string_view name, std::span<const std::string_view> rules) {
  std::lock_guard<std::mutex> guard(mutex_);
  const auto found = table_.find(name);
  std::string error;
  const bool known = found != table_.end();
  if (!known && table_.size() >= kUsersMax) return std::string(errors::kAclTooManyUsers);
  std::shared_ptr<const User> edited =
      known ? found->second->user->With(*catalog_, rules, &error)
            : User(std::string(name), *catalog_).With(*catalog_, rules, &error);
  if (edited == nullptr) return error;
  if (known) {
    found->second->user = std::move(edited);
  } else {
    auto account = std::make_shared<Account>();
    account->user = std::move(edited);
    table_.emplace(name, std::move(account));
  }
  Publish();
  return {};
}

bool Users::Delete(std::string_view name) {
  std::lock_guard<std::mutex> guard(mutex_);
  const auto found = table_.find(name);
  if (found == table_.end() || name == kDefault) return false;
  found->second->deleted = true;
  table_.erase(found);
  Publish();
  return true;
}

void Users::SetDefaultPassword(const std::string& password) {
  std::lock_guard<std::mutex> guard(mutex_);
  default_password_ = password;
  if (!begun()) return;
  std::shared_ptr<const User>& user = table_.find(kDefault)->second->user;
  const std::string added = password.empty() ? "nopass" : ">" + password;
  const std::string_view rules[] = {"resetpass", added};
  std::string error;
  user = user->With(*catalog_, rules, &error);
  Publish();
}

std::vector<LineError> Users::Load(std::span<const UserLine> lines) {
  std::lock_guard<std::mutex> guard(mutex_);
  std::vector<LineError> wrong;
  std::map<std::string, std::shared_ptr<const User>, std::less<>> loaded;
  for (size_t i = 0; i < lines.size(); ++i) {
    const UserLine& line = lines[i];
    std::string error;
    if (!ValidUserName(line.name)) {
      error = errors::kAclUserName;
    } else if (loaded.contains(line.name)) {
      error = errors::AclDuplicate(line.name);
    } else if (loaded.size() >= kUsersMax) {
      error = errors::kAclTooManyUsers;
    } else {
      const std::vector<std::string_view> rules(line.rules.begin(), line.rules.end());
      auto user = User(line.name, *catalog_).With(*catalog_, rules, &error);
      if (user != nullptr) loaded.emplace(line.name, std::move(user));
    }
    if (!error.empty()) wrong.push_back({i, std::move(error)});
  }
  if (!wrong.empty()) return wrong;
  if (!loaded.contains(kDefault)) loaded.emplace(kDefault, NewDefault());
  for (auto it = table_.begin(); it != table_.end();) {
    if (loaded.contains(it->first)) {
      ++it;
      continue;
    }
    it->second->deleted = true;
    it = table_.erase(it);
  }
  for (auto& [name, user] : loaded) {
    std::shared_ptr<Account>& account = table_[name];
    if (account == nullptr) account = std::make_shared<Account>();
    account->user = std::move(user);
  }
  Publish();
  return wrong;
}

void Users::SetChannelsByDefault(bool all) {
  std::lock_guard<std::mutex> guard(mutex_);
  all_channels_ = all;
  if (begun()) catalog_->SetChannelsByDefault(all);
}

}  // namespace cairn::acl
