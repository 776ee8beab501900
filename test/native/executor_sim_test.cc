// Seeded commands through the executor, the transactions and the engine, over the simulated disk,
// against a model of the commands. Caches are tiny or none, so most values have to be read from
// disk; keys expire, databases are swapped and flushed, the server starts again. Every command must
// be answered, and as the model says. Reproduce one run with
//   CAIRN_SIM_SEED=<seed> CAIRN_EXECUTOR_RUNS=1 native-tests -tc="executor sim*"
//
// Time passes while nothing is under way, so that the model knows when each command ran.
#include <map>
#include <random>
#include <set>

#include "command_testing.h"
#include "environment.h"
#include "executor_testing.h"
#include "io/sim_disk.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

constexpr int kDatabases = 3;
constexpr int kKeys = 8;

struct Cell {
  std::string value;
  uint64_t expire = 0;
};

// The commands as their documentation has them.
struct Model {
  std::map<std::string, Cell> databases[kDatabases];
  int db = 0;
  uint64_t now = 0;
  bool changed = false;  // a key that `watched` names
  std::set<std::pair<int, std::string>> watched;

  void Touch(int at, const std::string& key) { changed |= watched.count({at, key}) != 0; }
  Cell* Look(const std::string& key) { return Look(db, key); }
  Cell* Look(int at, const std::string& key) {
    auto found = databases[at].find(key);
    if (found == databases[at].end()) return nullptr;
    if (found->second.expire == 0 || found->second.expire > now) return &found->second;
    Touch(at, key);
    databases[at].erase(found);
    return nullptr;
  }
  void Put(const std::string& key, const std::string& value, uint64_t expire = 0) {
    databases[db][key] = {value, expire};
    Touch(db, key);
  }
  bool Delete(const std::string& key) {
    if (Look(key) == nullptr) return false;
    Touch(db, key);
    return databases[db].erase(key) != 0;
  }
  void Sweep() {
    for (int at = 0; at < kDatabases; ++at) {
      for (int i = 0; i < kKeys; ++i) Look(at, "k" + std::to_string(i));
    }
  }
  void Flush(int at) {
    for (const auto& [key, cell] : databases[at]) Touch(at, key);
    databases[at].clear();
  }
  void Swap(int a, int b) {
    if (a == b) return;
    for (int side : {a, b}) {
      for (const auto& [key, cell] : databases[side]) Touch(a, key), Touch(b, key);
    }
    std::swap(databases[a], databases[b]);
  }

  std::string Get(const std::string& key) {
    const Cell* cell = Look(key);
    return cell == nullptr ? kNil : Bulk(cell->value);
  }

  std::string Run(const Argv& argv) {
    const std::string& name = argv[0];
    const std::string& key = argv.size() > 1 ? argv[1] : name;
    if (name == "SELECT") return db = std::stoi(key), kOk;
    if (name == "FLUSHDB") return Flush(db), kOk;
    if (name == "FLUSHALL") {
      for (int at = 0; at < kDatabases; ++at) Flush(at);
      return kOk;
    }
    if (name == "SWAPDB") return Swap(std::stoi(key), std::stoi(argv[2])), kOk;
    if (name == "DBSIZE") return Sweep(), Integer(static_cast<int64_t>(databases[db].size()));
    if (name == "MGET") {
      std::string out = "*" + std::to_string(argv.size() - 1) + "\r\n";
      for (size_t i = 1; i < argv.size(); ++i) out += Get(argv[i]);
      return out;
    }
    if (name == "EXISTS" || name == "DEL") {
      int64_t count = 0;
      for (size_t i = 1; i < argv.size(); ++i) {
        count += name == "DEL" ? Delete(argv[i]) : Look(argv[i]) != nullptr;
      }
      return Integer(count);
    }
    if (name == "MSET") {
      for (size_t i = 1; i < argv.size(); i += 2) Put(argv[i], argv[i + 1]);
      return kOk;
    }
    if (name == "BITOP") {
      size_t bytes = 0;
      std::vector<std::string> from;
      for (size_t i = 3; i < argv.size(); ++i) {
        const Cell* cell = Look(argv[i]);
        from.push_back(cell == nullptr ? "" : cell->value);
        bytes = std::max(bytes, from.back().size());
      }
      std::string made(bytes, '\0');
      for (const std::string& one : from) {
        for (size_t i = 0; i < one.size(); ++i) made[i] = static_cast<char>(made[i] | one[i]);
      }
      bytes == 0 ? void(Delete(argv[2])) : Put(argv[2], made);
      return Integer(static_cast<int64_t>(bytes));
    }
    const Cell* cell = Look(key);
    const Cell old = cell == nullptr ? Cell() : *cell;
    const uint64_t expire = old.expire;
    if (name == "GET") return Get(key);
    if (name == "STRLEN") return Integer(static_cast<int64_t>(old.value.size()));
    if (name == "SET") {
      uint64_t until = argv.size() > 3 && argv[3] == "PX" ? now + std::stoull(argv[4]) : 0;
      if (argv.size() == 4) until = expire;  // KEEPTTL
      return Put(key, argv[2], until), kOk;
    }
    if (name == "SETNX") {
      if (cell == nullptr) Put(key, argv[2]);
      return Integer(cell == nullptr);
    }
    if (name == "GETSET" || name == "GETDEL") {
      name == "GETSET" ? Put(key, argv[2]) : void(Delete(key));
      return cell == nullptr ? kNil : Bulk(old.value);
    }
    if (name == "APPEND") {
      Put(key, old.value + argv[2], expire);
      return Integer(static_cast<int64_t>(old.value.size() + argv[2].size()));
    }
    if (name == "INCR") {
      if (cell != nullptr && old.value.find_first_not_of("0123456789") != std::string::npos) {
        return "-ERR value is not an integer or out of range\r\n";
      }
      const int64_t number = cell == nullptr ? 1 : std::stoll(old.value) + 1;
      return Put(key, std::to_string(number), expire), Integer(number);
    }
    if (name == "PTTL") {
      if (cell == nullptr) return Integer(-2);
      return Integer(expire == 0 ? -1 : static_cast<int64_t>(expire - now));
    }
    // COPY key to DB n [REPLACE], MOVE key n
    const bool copy = name == "COPY";
    const bool move = name == "MOVE";
    const int to = copy || move ? std::stoi(copy ? argv[4] : argv[2]) : 0;
    const std::string& there = copy ? argv[2] : key;
    if ((copy || move) && to == db && there == key) {
      return "-ERR source and destination objects are the same\r\n";
    }
    if (cell == nullptr) {
      if (name == "GETEX") return kNil;
      return name.starts_with("RENAME") ? "-ERR no such key\r\n" : Integer(0);
    }
    if (name == "PEXPIRE" || name == "GETEX") {
      const int64_t ttl = std::stoll(argv.back());
      if (ttl <= 0) return Delete(key), Integer(1);
      Put(key, old.value, now + static_cast<uint64_t>(ttl));
      return name == "GETEX" ? Bulk(old.value) : Integer(1);
    }
    if (name == "PERSIST") {
      if (expire != 0) Put(key, old.value);
      return Integer(expire != 0);
    }
    if (name == "RENAME" || name == "RENAMENX") {
      const bool taken = name == "RENAMENX" && Look(argv[2]) != nullptr;
      if (!taken && key != argv[2]) Put(argv[2], old.value, expire), Delete(key);
      return name == "RENAME" ? kOk : Integer(!taken);
    }
    if (argv.size() < 6 && Look(to, there) != nullptr) return Integer(0);
    databases[to][there] = old;
    Touch(to, there);
    if (!copy) Delete(key);
    return Integer(1);
  }
};

class Commands {
 public:
  explicit Commands(uint64_t seed) : random_(seed) {
    SimOptions sim;
    sim.seed = seed;
    sim.delay_max = 1 + Pick(6);
    disk_ = std::make_unique<SimDisk>(sim);
    options_ = Driver::Options("/data");
    options_.databases = kDatabases;
    options_.lanes = 1 + Pick(3);
    options_.wal_ring_bytes = 256u << 10;
    options_.commit_batch_bytes = 64u << 10;
    tuning_ = Driver::Inline();
    tuning_.gc = Pick(2) == 0;
    tuning_.clock = &clock_;
    model_.now = clock_.wall_ms;
  }

  void Run() {
    const uint32_t lives = 2 + Pick(3);
    for (uint32_t life = 0; life < lives; ++life) {
      options_.cache_bytes = Pick(3) == 0 ? 16u << 10 : 0;
      driver_ = std::make_unique<Driver>(disk_.get(), options_, tuning_);
      const Result<RecoveryReport> report = driver_->Start();
      REQUIRE_MESSAGE(report.ok(), report.status().message());
      Live();
      REQUIRE(driver_->Stop().ok());
      driver_.reset();
    }
  }

 private:
  uint32_t Pick(uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n - 1)(random_); }
  std::string Key() { return "k" + std::to_string(Pick(kKeys)); }
  std::string Number(uint32_t n) { return std::to_string(Pick(n)); }
  std::string Value() {
    if (Pick(3) == 0) return std::to_string(Pick(1000));
    return std::string(Pick(8) == 0 ? Pick(20000) : 1 + Pick(200),
                       static_cast<char>('a' + Pick(26)));
  }
  std::string Ttl() { return std::to_string(Pick(8) == 0 ? 100000 : 1 + Pick(60)); }

  Argv Keys(Argv argv) {
    for (uint32_t n = 1 + Pick(5); n > 0; --n) argv.push_back(Key());
    return argv;
  }
  Argv Command() {
    switch (Pick(32)) {
      case 0:
      case 1:
        return {"SET", Key(), Value(), "PX", Ttl()};
      case 2:
        return {"SET", Key(), Value(), "KEEPTTL"};
      case 3:
      case 4:
        return {"SET", Key(), Value()};
      case 5:
      case 6:
      case 7:
      case 8:
        return Keys({"MGET"});
      case 9:
        return Keys({"EXISTS"});
      case 10:
        return Keys({"DEL"});
      case 11:
        return {"MSET", Key(), Value(), Key(), Value()};
      case 12:
        return Keys({"BITOP", "OR", Key()});
      case 13:
        return {"SETNX", Key(), Value()};
      case 14:
        return {"GETSET", Key(), Value()};
      case 15:
        return {"GETDEL", Key()};
      case 16:
        return {"APPEND", Key(), Value()};
      case 17:
      case 18:
        return {"INCR", Key()};
      case 19:
      case 20:
        return {"PEXPIRE", Key(), Pick(8) == 0 ? "0" : Ttl()};
      case 21:
        return {"GETEX", Key(), "PX", Ttl()};
      case 22:
        return {"PERSIST", Key()};
      case 23:
        return {"RENAME", Key(), Key()};
      case 24:
        return {"RENAMENX", Key(), Key()};
      case 25:
        if (Pick(2) == 0) return {"COPY", Key(), Key(), "DB", Number(kDatabases), "REPLACE"};
        return {"COPY", Key(), Key(), "DB", Number(kDatabases)};
      case 26:
        return {"MOVE", Key(), Number(kDatabases)};
      case 27:
        return {"SWAPDB", Number(kDatabases), Number(kDatabases)};
      case 28:
        if (Pick(3) == 0) return {Pick(3) == 0 ? "FLUSHALL" : "FLUSHDB"};
        return {"STRLEN", Key()};
      case 29:
        return {"PTTL", Key()};
      case 30:
        return {"SELECT", Number(kDatabases)};
      default:
        return {"GET", Key()};
    }
  }

  void Live() {
    shared_ = std::make_unique<Shared>();
    shared_->databases = kDatabases;
    shared_->context.engine = driver_->engine.get();
    reactor_ = std::make_unique<SocketlessReactor<Driver>>(shared_.get(), driver_.get(), 0);
    Connection* conn = reactor_->Connect();
    other_ = reactor_->Connect();
    model_.db = 0;
    reactor_->executor()->SetNow(clock_.wall_ms);
    for (uint32_t bursts = 10 + Pick(30); bursts > 0; --bursts) {
      if (Pick(2) == 0) {
        clock_.wall_ms += Pick(40);
        model_.now = clock_.wall_ms;
        reactor_->executor()->SetNow(clock_.wall_ms);
      }
      if (Pick(3) == 0) SweepSome();
      if (Pick(3) == 0) {
        Transaction(conn);
      } else {
        std::vector<Argv> burst;
        for (uint32_t n = 1 + Pick(12); n > 0; --n) burst.push_back(Command());
        std::string expected;
        for (const Argv& argv : burst) expected += model_.Run(argv);
        Ask(conn, burst, expected);
      }
    }
    reactor_.reset();
    shared_.reset();
  }

  void SweepSome() {
    for (int i = 0; i < kKeys; ++i) {
      (void)reactor_->executor()->SweepShard(static_cast<uint16_t>(Pick(kDatabases)),
                                             ShardOf(Key()));
    }
  }

  // WATCH, perhaps a change by another connection, MULTI, commands, EXEC.
  void Transaction(Connection* conn) {
    model_.changed = false;
    if (Pick(2) == 0) {
      const Argv watch = Keys({"WATCH"});
      model_.Sweep();
      for (size_t i = 1; i < watch.size(); ++i) model_.watched.insert({model_.db, watch[i]});
      Ask(conn, {watch}, kOk);
      Argv change = Command();
      if (change[0] != "SELECT" && Pick(2) == 0) {
        std::swap(other_db_, model_.db);
        const std::vector<Argv> burst = {{"SELECT", std::to_string(model_.db)}, change};
        const std::string expected = kOk + model_.Run(change);
        std::swap(other_db_, model_.db);
        Ask(other_, burst, expected);
      }
    }
    std::vector<Argv> burst = {{"MULTI"}};
    for (uint32_t n = Pick(24); n > 0; --n) burst.push_back(Command());
    std::string expected = kOk;
    for (size_t i = 1; i < burst.size(); ++i) expected += "+QUEUED\r\n";
    if (model_.changed) {
      expected += "*-1\r\n";
    } else {
      model_.watched.clear();
      expected += "*" + std::to_string(burst.size() - 1) + "\r\n";
      for (size_t i = 1; i < burst.size(); ++i) expected += model_.Run(burst[i]);
    }
    model_.watched.clear();
    burst.push_back({"EXEC"});
    Ask(conn, burst, expected);
  }

  void Ask(Connection* conn, const std::vector<Argv>& burst, const std::string& expected) {
    constexpr int kTurnsMax = 5000;
    std::string sent;
    for (const Argv& argv : burst) sent += Frame(argv);
    std::string& received = reactor_->Received(conn);
    received.clear();
    reactor_->Send(conn, sent);
    for (int turns = 0; received.size() < expected.size() && turns < kTurnsMax; ++turns) {
      reactor_->Turn(10, clock_.wall_ms);
    }
    if (received == expected) return;
    std::string told;
    for (const Argv& argv : burst) {
      for (const std::string& arg : argv) told += arg.substr(0, 30) + " ";
      told += "\n";
    }
    FAIL("asked:\n" << told << "expected:\n" << expected << "\nreceived:\n" << received);
  }

  std::mt19937_64 random_;
  ManualClock clock_;
  std::unique_ptr<SimDisk> disk_;
  VlogOptions options_;
  VlogTuning tuning_;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<Shared> shared_;
  std::unique_ptr<SocketlessReactor<Driver>> reactor_;
  Connection* other_ = nullptr;
  int other_db_ = 0;
  Model model_;
};

}  // namespace

TEST_CASE("executor sim: seeded commands against a model, every one answered") {
  const uint64_t first = FromEnvironment("CAIRN_SIM_SEED", 1);
  const uint64_t runs = FromEnvironment("CAIRN_EXECUTOR_RUNS", Runs(60));
  for (uint64_t seed = first; seed < first + runs; ++seed) {
    INFO("CAIRN_SIM_SEED=" << seed << " CAIRN_EXECUTOR_RUNS=1");
    Commands commands(seed);
    commands.Run();
  }
}
