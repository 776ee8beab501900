// Load generator: one thread, epoll, RESP over loopback. `loadgen --help` lists the options.
//
// Paced (--rate): open loop. Request n is due at start + n / rate whether or not earlier ones were
// answered; its latency counts from then, so a stall shows in every request it delayed, not in one.
// Closed loop (no --rate): every connection keeps --depth requests in flight.
//
// Prints a JSON line for every second (a request belongs to the second in which it was due), once
// all its requests are answered, and one line for the whole run. Every reply is checked: a wrong
// type, an error, or a GET of another length or with another key's bytes ends the run with 1.
#include "loadgen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace loadgen;

constexpr size_t kReadBytes = 256 << 10;
constexpr int64_t kDrainNanos = 60 * kSecond;

const char kHelp[] = R"(Usage: loadgen --port P [options]
  --connections N     connections (50)
  --depth N           requests in flight per connection, at most (1)
  --rate N            requests per second, paced; without it a closed loop
  --seconds S         how long requests are sent
  --requests N        how many are sent
  --mix OP=W,...      weights of set, get (existing keys), insert (SET of the next new key), del
                      (the oldest key), scan (GET of one key after the other)
  --first A --last B  the keys that exist: A <= n < B (0, 0)
  --prefix TEXT       keys are TEXT and 12 digits (key:)
  --value-bytes N     (128)
  --dist uniform|zipf|mixgraph --theta T   which keys set and get choose (uniform, 0.99); with
                      mixgraph values are as long as that has them
  --shuffle N         insert takes the keys below N in random order, not in theirs
  --keep-every K      del leaves every K-th key alone
  --expire-from MS --expire-over MS   set and insert with PXAT, spread evenly over that time
  --seed N
  --self-test         checks the Zipf sampler, the permutation of keys and the histogram
)";

enum Op { kSet, kGet, kInsert, kDel, kScan, kOps };
const char* const kOpNames[kOps] = {"set", "get", "insert", "del", "scan"};

struct Options {
  int port = 0;
  size_t connections = 50, depth = 1;
  double rate = 0, seconds = 0;
  uint64_t requests = 0, first = 0, last = 0, value_bytes = 128, keep_every = 0, seed = 1;
  std::array<uint64_t, kOps> mix{};
  uint64_t shuffle = 0;
  std::string prefix = "key:";
  bool zipf = false, mixgraph = false;
  double theta = 0.99;
  uint64_t expire_from = 0, expire_over = 0;
};

[[noreturn]] __attribute__((format(printf, 1, 2))) void Fail(const char* format, ...) {
  va_list args;
  va_start(args, format);
  std::fputs("loadgen: ", stderr);
  std::vfprintf(stderr, format, args);
  std::fputc('\n', stderr);
  std::exit(1);
}

int64_t Now() {
  timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * kSecond + ts.tv_nsec;
}

int64_t EpochMillis() {
  timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

double CpuSeconds() {
  timespec ts;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
  return static_cast<double>(ts.tv_sec) + static_cast<double>(ts.tv_nsec) / 1e9;
}

struct Figures {
  Histogram all;
  std::array<Histogram, kOps> by_op;
  uint64_t misses = 0;
  int64_t gap_max = 0;  // longest time without any reply while one was due
  int64_t lag_max = 0;  // longest delay of this program itself in sending a due request

  void Print() const {
    std::printf("\"misses\":%llu,\"gap_max_us\":%.1f,\"lag_max_us\":%.1f",
                static_cast<unsigned long long>(misses), static_cast<double>(gap_max) / 1e3,
                static_cast<double>(lag_max) / 1e3);
    PrintHistogram("all", all);
    for (int op = 0; op < kOps; ++op) {
      if (by_op[op].count() > 0) PrintHistogram(kOpNames[op], by_op[op]);
    }
  }

  static void PrintHistogram(const char* name, const Histogram& histogram) {
    const auto us = [&](double q) { return static_cast<double>(histogram.Quantile(q)) / 1e3; };
    std::printf(
        ",\"%s\":{\"n\":%llu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":"
        "%.1f}",
        name, static_cast<unsigned long long>(histogram.count()), us(0.5), us(0.99), us(0.999),
        static_cast<double>(histogram.max()) / 1e3);
  }
};

struct Second {
  Figures figures;
  uint64_t unanswered = 0;
};

struct Request {
  Op op;
  uint64_t key;
  int64_t due;
};

struct Connection {
  int fd = -1;
  std::deque<Request> flying;
  std::string out;
  size_t out_begin = 0;
  std::vector<char> in;
  size_t in_begin = 0, in_end = 0;
  bool queued = false;   // in Generator::free_
  bool touched = false;  // has something new in `out`
};

class Generator {
 public:
  explicit Generator(const Options& options)
      : o_(options), rng_(options.seed), first_(options.first), last_(options.last) {
    for (const uint64_t weight : o_.mix) weights_ += weight;
    if (o_.zipf) zipf_.emplace_back(last_ - first_, o_.theta);
    if (o_.mixgraph) mixgraph_.emplace_back(last_ - first_);
    pool_.resize((1 << 20) + std::max(o_.value_bytes, kMixGraphValueBytesMax));
    for (char& c : pool_) c = static_cast<char>(rng_.Next());
    margin_ = o_.connections * o_.depth * 2;
    key_bytes_ = o_.prefix.size() + kKeyDigits;
  }

  void Run() {
    Connect();
    epoch_ = EpochMillis();
    start_ = last_reply_ = Now();
    end_ = o_.seconds > 0 ? start_ + static_cast<int64_t>(o_.seconds * 1e9) : INT64_MAX;
    const double cpu = CpuSeconds();
    std::vector<epoll_event> events(o_.connections);
    for (;;) {
      const int64_t now = Now();
      Schedule(now);
      CloseSeconds(now);
      if (finished_ && flying_ == 0) break;
      if (finished_ && now > finished_at_ + kDrainNanos) Fail("requests stayed unanswered");
      const int64_t wait = std::clamp<int64_t>(NextWake(now) - now, 0, kSecond);
      const timespec timeout{wait / kSecond, wait % kSecond};
      const int count =
          epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
      if (count < 0 && errno != EINTR) Fail("epoll: %s", std::strerror(errno));
      for (int i = 0; i < count; ++i) Serve(connections_[events[i].data.u64]);
    }
    const double seconds = static_cast<double>(last_reply_ - start_) / 1e9;
    CloseSeconds(INT64_MAX);
    std::printf("{\"done\":true,\"epoch_ms\":%lld,\"requests\":%llu,\"seconds\":%.3f,",
                static_cast<long long>(epoch_), static_cast<unsigned long long>(issued_), seconds);
    std::printf("\"per_second\":%.1f,\"cpu_seconds\":%.3f,\"first\":%llu,\"last\":%llu,",
                static_cast<double>(issued_) / seconds, CpuSeconds() - cpu,
                static_cast<unsigned long long>(first_), static_cast<unsigned long long>(last_));
    std::printf("\"lag_p99_us\":%.1f,", static_cast<double>(lags_.Quantile(0.99)) / 1e3);
    total_.Print();
    std::printf("}\n");
  }

 private:
  void Connect() {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    connections_.resize(o_.connections);
    for (size_t i = 0; i < connections_.size(); ++i) {
      Connection& c = connections_[i];
      c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(static_cast<uint16_t>(o_.port));
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (connect(c.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
        Fail("connect to port %d: %s", o_.port, std::strerror(errno));
      }
      const int on = 1;
      setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      epoll_event event{};
      event.events = EPOLLIN | EPOLLOUT | EPOLLET;
      event.data.u64 = i;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event);
      c.in.resize(kReadBytes + o_.value_bytes + 64);
      c.queued = true;
      free_.push_back(&c);
    }
  }

  bool paced() const { return o_.rate > 0; }

  int64_t Due(uint64_t n) const {
    return start_ + static_cast<int64_t>(static_cast<double>(n) * 1e9 / o_.rate);
  }

  int64_t NextWake(int64_t now) const {
    if (!paced() || finished_ || free_.empty()) return now + kSecond;
    return Due(issued_);
  }

  // Sends everything that is due and finds a connection with room.
  void Schedule(int64_t now) {
    while (!finished_) {
      const int64_t due = paced() ? Due(issued_) : now;
      if (due >= end_ || (o_.requests > 0 && issued_ == o_.requests)) {
        Finish(now);
        break;
      }
      if (due > now) break;
      if (free_.empty()) {
        blocked_ = true;  // what comes late from here on is the server's doing
        break;
      }
      Request request{Choose(), 0, due};
      if (!ChooseKey(request)) {
        Finish(now);
        break;
      }
      Connection& c = *free_.front();
      free_.pop_front();
      Append(c, request);
      if (c.flying.size() < o_.depth) {
        free_.push_back(&c);
      } else {
        c.queued = false;
      }
      if (paced() && !blocked_) {
        const int64_t lag = now - due;
        lags_.Add(lag);
        total_.lag_max = std::max(total_.lag_max, lag);
        Figures& figures = SecondOf(due).figures;
        figures.lag_max = std::max(figures.lag_max, lag);
      }
      ++issued_;
    }
    if (!free_.empty()) blocked_ = false;
    for (Connection* c : touched_) {
      c->touched = false;
      Flush(*c);
    }
    touched_.clear();
  }

  void Finish(int64_t now) {
    finished_ = true;
    finished_at_ = now;
  }

  Op Choose() {
    uint64_t at = rng_.Below(weights_);
    for (int op = 0;; ++op) {
      if (at < o_.mix[op]) return static_cast<Op>(op);
      at -= o_.mix[op];
    }
  }

  // False: there is no key left for this operation.
  bool ChooseKey(Request& request) {
    const uint64_t live = last_ - first_;
    switch (request.op) {
      case kInsert:
        request.key = last_++;
        if (o_.shuffle > 0) request.key = Permuted(request.key, o_.shuffle);
        return true;
      case kDel:
        if (o_.keep_every > 0 && first_ % o_.keep_every == 0) ++first_;
        if (first_ >= last_) return false;
        request.key = first_++;
        return true;
      case kScan:
        if (live == 0) return false;
        request.key = first_ + scanned_++ % live;
        return true;
      default:
        break;
    }
    if (live == 0) return false;
    if (o_.zipf) {
      request.key = first_ + Permuted(zipf_[0].Sample(rng_) - 1, live);
    } else if (!mixgraph_.empty()) {
      request.key = first_ + mixgraph_[0].Sample(rng_);
    } else if (o_.mix[kInsert] + o_.mix[kDel] > 0 && live > 4 * margin_) {
      // Not next to the ends, where an insert or a del may still be on its way.
      request.key = first_ + margin_ + rng_.Below(live - 2 * margin_);
    } else {
      request.key = first_ + rng_.Below(live);
    }
    return true;
  }

  void Append(Connection& c, const Request& request) {
    const bool writes = request.op == kSet || request.op == kInsert;
    const bool expires = writes && o_.expire_over > 0;
    static constexpr std::string_view kHeads[] = {"*3\r\n$3\r\nSET\r\n", "*2\r\n$3\r\nGET\r\n",
                                                  "*2\r\n$3\r\nDEL\r\n", "*5\r\n$3\r\nSET\r\n"};
    c.out += kHeads[expires ? 3 : writes ? 0 : request.op == kDel ? 2 : 1];
    char text[64];
    c.out.append(text, std::snprintf(text, sizeof(text), "$%zu\r\n", key_bytes_));
    AppendKey(c.out, request.key);
    c.out += "\r\n";
    if (writes) {
      uint64_t random = ValueBytes(request.key);
      c.out.append(text, std::snprintf(text, sizeof(text), "$%llu\r\n",
                                       static_cast<unsigned long long>(random)));
      if (random >= key_bytes_) {
        AppendKey(c.out, request.key);
        random -= key_bytes_;
      }
      c.out.append(pool_.data() + rng_.Below(1 << 20), random);
      c.out += "\r\n";
    }
    if (expires) {
      const uint64_t at = o_.expire_from + rng_.Below(o_.expire_over);
      c.out.append(text, std::snprintf(text, sizeof(text), "$4\r\nPXAT\r\n$13\r\n%013llu\r\n",
                                       static_cast<unsigned long long>(at)));
    }
    if (flying_++ == 0) busy_since_ = request.due;
    ++SecondOf(request.due).unanswered;
    c.flying.push_back(request);
    if (!c.touched) {
      c.touched = true;
      touched_.push_back(&c);
    }
  }

  uint64_t ValueBytes(uint64_t key) const {
    return o_.mixgraph ? MixGraphValueBytes(key) : o_.value_bytes;
  }

  void AppendKey(std::string& out, uint64_t key) {
    char digits[kKeyDigits];
    for (int i = kKeyDigits; i-- > 0; key /= 10) digits[i] = static_cast<char>('0' + key % 10);
    out += o_.prefix;
    out.append(digits, kKeyDigits);
  }

  void Flush(Connection& c) {
    while (c.out_begin < c.out.size()) {
      const ssize_t sent =
          send(c.fd, c.out.data() + c.out_begin, c.out.size() - c.out_begin, MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EAGAIN || errno == EINTR) return;
        Fail("send: %s", std::strerror(errno));
      }
      c.out_begin += static_cast<size_t>(sent);
    }
    c.out.clear();
    c.out_begin = 0;
  }

  void Serve(Connection& c) {
    if (c.out_begin < c.out.size()) Flush(c);
    for (;;) {
      if (c.in_begin > 0) {
        std::memmove(c.in.data(), c.in.data() + c.in_begin, c.in_end - c.in_begin);
        c.in_end -= c.in_begin;
        c.in_begin = 0;
      }
      const size_t room = c.in.size() - c.in_end;
      const ssize_t got = recv(c.fd, c.in.data() + c.in_end, room, MSG_DONTWAIT);
      if (got < 0) {
        if (errno == EAGAIN || errno == EINTR) return;
        Fail("receive: %s", std::strerror(errno));
      }
      if (got == 0) Fail("the server closed a connection");
      c.in_end += static_cast<size_t>(got);
      Parse(c, Now());
      if (static_cast<size_t>(got) < room) return;
    }
  }

  void Parse(Connection& c, int64_t now) {
    bool any = false;
    for (;;) {
      const std::string_view rest(c.in.data() + c.in_begin, c.in_end - c.in_begin);
      const size_t line_end = rest.find("\r\n");
      if (line_end == rest.npos) break;
      const std::string_view line = rest.substr(0, line_end);
      if (c.flying.empty()) Fail("a reply nobody asked for: %.*s", Int(line.size()), line.data());
      const Request request = c.flying.front();
      size_t used = line_end + 2;
      bool missed = false;
      if (request.op == kSet || request.op == kInsert) {
        if (line != "+OK") Refuse(request, line);
      } else if (request.op == kDel) {
        if (line != ":1" && line != ":0") Refuse(request, line);
        missed = line == ":0";
      } else if (line == "$-1" || line == "_") {
        missed = true;
      } else {
        if (line.empty() || line[0] != '$') Refuse(request, line);
        const uint64_t length = std::strtoull(line.data() + 1, nullptr, 10);
        if (length != ValueBytes(request.key)) Refuse(request, line);
        if (rest.size() < used + length + 2) break;
        CheckValue(request, rest.substr(used, length));
        used += length + 2;
      }
      c.in_begin += used;
      c.flying.pop_front();
      if (!c.queued) {
        c.queued = true;
        free_.push_back(&c);
      }
      Record(request, now, missed);
      any = true;
    }
    if (!any) return;
    const int64_t gap = now - std::max(last_reply_, busy_since_);
    last_reply_ = now;
    Figures& figures = SecondOf(now).figures;
    figures.gap_max = std::max(figures.gap_max, gap);
    total_.gap_max = std::max(total_.gap_max, gap);
  }

  void CheckValue(const Request& request, std::string_view value) {
    if (value.size() < key_bytes_) return;
    key_text_.clear();
    AppendKey(key_text_, request.key);
    if (!value.starts_with(key_text_)) Refuse(request, value.substr(0, key_bytes_));
  }

  [[noreturn]] void Refuse(const Request& request, std::string_view reply) {
    Fail("%s of key %llu was answered with %.*s", kOpNames[request.op],
         static_cast<unsigned long long>(request.key), Int(std::min<size_t>(reply.size(), 200)),
         reply.data());
  }

  static int Int(size_t n) { return static_cast<int>(n); }

  void Record(const Request& request, int64_t now, bool missed) {
    const int64_t latency = now - request.due;
    Second& second = SecondOf(request.due);
    --second.unanswered;
    --flying_;
    for (Figures* figures : {&second.figures, &total_}) {
      figures->all.Add(latency);
      figures->by_op[request.op].Add(latency);
      figures->misses += missed;
    }
  }

  // What is answered after the end counts for the last second.
  Second& SecondOf(int64_t time) {
    const int64_t since = std::min(time, end_ - 1) - start_;
    const size_t index = static_cast<size_t>(std::max<int64_t>(0, since) / kSecond);
    const size_t at = index > printed_ ? index - printed_ : 0;
    while (open_.size() <= at) open_.emplace_back();
    return open_[at];
  }

  // Prints the seconds that are over, as far as all their requests are answered. One that is over
  // by the clock may still get requests from the backlog.
  void CloseSeconds(int64_t now) {
    const int64_t due = paced() && !finished_ ? std::min(now, Due(issued_)) : now;
    while (!open_.empty() && open_[0].unanswered == 0) {
      if (start_ + static_cast<int64_t>(printed_ + 1) * kSecond > due) return;
      std::printf("{\"second\":%zu,\"epoch_ms\":%lld,", printed_,
                  static_cast<long long>(epoch_ + static_cast<int64_t>(printed_) * 1000));
      open_[0].figures.Print();
      std::printf("}\n");
      std::fflush(stdout);
      open_.pop_front();
      ++printed_;
    }
  }

  const Options& o_;
  Random rng_;
  std::vector<Zipf> zipf_;
  std::vector<MixGraph> mixgraph_;
  uint64_t first_, last_, scanned_ = 0, weights_ = 0, margin_ = 0;
  size_t key_bytes_ = 0;
  std::vector<char> pool_;
  std::string key_text_;
  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::deque<Connection*> free_;
  std::vector<Connection*> touched_;
  int64_t start_ = 0, end_ = 0, epoch_ = 0, finished_at_ = 0;
  uint64_t issued_ = 0, flying_ = 0;
  bool finished_ = false, blocked_ = false;
  int64_t last_reply_ = 0, busy_since_ = 0;
  Figures total_;
  Histogram lags_;
  std::deque<Second> open_;
  size_t printed_ = 0;
};

std::array<uint64_t, kOps> ParseMix(std::string_view text) {
  std::array<uint64_t, kOps> mix{};
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const size_t equals = part.find('=');
    int op = 0;
    while (op < kOps && part.substr(0, equals) != kOpNames[op]) ++op;
    if (op == kOps || equals == part.npos) Fail("--mix does not take %.*s", 40, part.data());
    mix[op] = std::strtoull(part.data() + equals + 1, nullptr, 10);
  }
  return mix;
}

void ParseDist(std::string_view text, Options& o) {
  o.zipf = text == "zipf";
  o.mixgraph = text == "mixgraph";
  if (!o.zipf && !o.mixgraph && text != "uniform") Fail("--dist does not take that");
}

Options Parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--help") std::exit(std::fputs(kHelp, stdout) < 0);
    if (name == "--self-test") std::exit(SelfTest());
    if (i + 1 == argc) Fail("%s needs a value", argv[i]);
    const char* text = argv[i + 1];
    const auto whole = [&] { return static_cast<uint64_t>(std::strtoull(text, nullptr, 10)); };
    // clang-format off
    if (name == "--port") o.port = static_cast<int>(whole());
    else if (name == "--connections") o.connections = whole();
    else if (name == "--depth") o.depth = whole();
    else if (name == "--rate") o.rate = std::atof(text);
    else if (name == "--seconds") o.seconds = std::atof(text);
    else if (name == "--requests") o.requests = whole();
    else if (name == "--mix") o.mix = ParseMix(text);
    else if (name == "--first") o.first = whole();
    else if (name == "--last") o.last = whole();
    else if (name == "--prefix") o.prefix = text;
    else if (name == "--value-bytes") o.value_bytes = whole();
    else if (name == "--dist") ParseDist(text, o);
    else if (name == "--shuffle") o.shuffle = whole();
    else if (name == "--theta") o.theta = std::atof(text);
    else if (name == "--keep-every") o.keep_every = whole();
    else if (name == "--expire-from") o.expire_from = whole();
    else if (name == "--expire-over") o.expire_over = whole();
    else if (name == "--seed") o.seed = whole();
    else Fail("unknown option %s", argv[i]);
    // clang-format on
  }
  uint64_t weights = 0;
  for (const uint64_t weight : o.mix) weights += weight;
  if (o.port == 0 || weights == 0 || o.connections == 0 || o.depth == 0) Fail("see --help");
  if (o.seconds <= 0 && o.requests == 0) Fail("--seconds or --requests");
  if (o.first > o.last) Fail("--first after --last");
  if (o.keep_every == 1) Fail("--keep-every 1 leaves nothing to delete");
  if (o.shuffle > 0 && o.requests - 1 >= o.shuffle - o.last) Fail("--shuffle: of all --requests");
  if (o.mixgraph && o.first < o.last && o.last - o.first < MixGraph::kRanges) Fail("too few keys");
  if (o.zipf &&
      (o.mix[kInsert] + o.mix[kDel] > 0 || o.first == o.last || o.theta <= 0 || o.theta == 1)) {
    Fail("zipf needs a fixed set of keys, and a theta above 0 that is not 1");
  }
  return o;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = Parse(argc, argv);
  prctl(PR_SET_TIMERSLACK, 1);  // wake up when a request is due, not 50 us later
  Generator(options).Run();
  return 0;
}
