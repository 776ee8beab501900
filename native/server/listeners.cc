#include "server/listeners.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "base/threads.h"

namespace cairn {

namespace {

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

bool IsWildcard(const std::string& name) { return name == "*" || name == "::*"; }
bool IsV6(const std::string& name) { return name.find(':') != std::string::npos; }

// This machine has no such address, or not the protocol at all.
bool IsMissing(int error) { return error == EADDRNOTAVAIL; }
bool IsUnsupported(int error) {
  return error == EAFNOSUPPORT || error == EPROTONOSUPPORT || error == ESOCKTNOSUPPORT ||
         error == EPFNOSUPPORT || error == ENOPROTOOPT;
}

int ResolveNow(const std::string& name, uint16_t port, int family, Addresses* out) {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const char* node = IsWildcard(name) ? nullptr : name.c_str();
  const int error = getaddrinfo(node, std::to_string(port).c_str(), &hints, &found);
  *out = Addresses(found, freeaddrinfo);
  return error;
}

// Nobody waits for the thread of a name once the server is to stop: it ends when the system has
// given up.
int Resolve(const std::string& name, uint16_t port, int family, const std::atomic<bool>* stop,
            Addresses* out) {
  constexpr auto kLook = std::chrono::milliseconds(20);
  in6_addr numeric;
  const bool number = inet_pton(AF_INET, name.c_str(), &numeric) == 1 || IsV6(name);
  if (stop == nullptr || number || IsWildcard(name)) return ResolveNow(name, port, family, out);
  struct Asked {
    std::mutex mutex;
    std::condition_variable answered;
    bool done = false;
    int result = EAI_AGAIN;
    int error = 0;
    Addresses found{nullptr, freeaddrinfo};
  };
  auto asked = std::make_shared<Asked>();
  const bool started = Threads::Detach([asked, name, port, family] {
    Addresses found(nullptr, freeaddrinfo);
    const int result = ResolveNow(name, port, family, &found);
    const int error = errno;
    std::lock_guard<std::mutex> guard(asked->mutex);
    asked->result = result;
    asked->error = error;
    asked->found = std::move(found);
    asked->done = true;
    asked->answered.notify_all();
  });
  if (!started) return ResolveNow(name, port, family, out);
  std::unique_lock<std::mutex> lock(asked->mutex);
  while (!asked->done && !stop->load())
    asked->answered.wait_for(lock, kLook, [&] { return asked->done; });
  *out = std::move(asked->found);
  errno = asked->error;
  return asked->result;
}

// A name without a colon is looked for in IPv4 first, as Redis does, and then in IPv6.
int Resolve(const std::string& name, uint16_t port, const std::atomic<bool>* stop, Addresses* out) {
  if (IsV6(name)) return Resolve(name, port, AF_INET6, stop, out);
  const int error = Resolve(name, port, AF_INET, stop, out);
  if (error == 0 || IsWildcard(name) || error == EAI_SYSTEM || error == EAI_MEMORY) return error;
  return Resolve(name, port, AF_INET6, stop, out) == 0 ? 0 : error;
}

std::string TextOf(const sockaddr_storage& address) {
  char host[INET6_ADDRSTRLEN] = "?";
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof(host));
    return "[" + std::string(host) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  inet_ntop(AF_INET, &v4.sin_addr, host, sizeof(host));
  return std::string(host) + ":" + std::to_string(ntohs(v4.sin_port));
}

// Of two addresses with the same port: would one take connections of the other?
bool Overlap(const sockaddr_storage& a, const sockaddr_storage& b) {
  if (a.ss_family != b.ss_family) return false;
  if (a.ss_family == AF_INET) {
    const uint32_t x = reinterpret_cast<const sockaddr_in&>(a).sin_addr.s_addr;
    const uint32_t y = reinterpret_cast<const sockaddr_in&>(b).sin_addr.s_addr;
    return x == y || x == INADDR_ANY || y == INADDR_ANY;
  }
  const in6_addr& x = reinterpret_cast<const sockaddr_in6&>(a).sin6_addr;
  const in6_addr& y = reinterpret_cast<const sockaddr_in6&>(b).sin6_addr;
  return IN6_ARE_ADDR_EQUAL(&x, &y) || IN6_IS_ADDR_UNSPECIFIED(&x) || IN6_IS_ADDR_UNSPECIFIED(&y);
}

// What to do about it.
const char* Advice(int error) {
  switch (error) {
    case EADDRINUSE:
      return "; another server has this port: stop it, or choose another port";
    case EADDRNOTAVAIL:
      return "; no interface of this machine has this address: correct it, or begin it with '-' to "
             "go without";
    case EACCES:
      return "; ports below 1024 need a privilege: choose a higher one";
    default:
      return "";
  }
}

Status CannotListen(const std::string& name, const std::string& readable, int error) {
  return Status(
      Code::kIoError,
      "bind '" + name + "': cannot listen on " + readable + ": " + strerror(error) + Advice(error),
      error);
}

Status UnixRefused(const std::string& path, const std::string& why) {
  return Status(Code::kInvalid, "unixsocket '" + path + "': " + why);
}

sockaddr_un UnixAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

bool SomebodyListens(const std::string& path) {
  const sockaddr_un address = UnixAddress(path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  const bool answered = connect(fd, reinterpret_cast<const sockaddr*>(&address),
                                sizeof(address)) == 0 ||
                        errno == EAGAIN;  // its queue is full
  close(fd);
  return answered;
}

}  // namespace

Status Listeners::Bind(const ListenOptions& options, std::vector<std::string>* notices) {
  Close();
  options_ = options;
  if (!options_.unix_path.empty()) {
    Status status = CheckUnix();
    if (!status.ok()) return status;
  }
  if (options_.port == 0) return Status::Ok();
  for (const std::string& name : options_.bind) {
    Status status = BindAddress(name, notices);
    if (!status.ok()) {
      Close();
      return status;
    }
  }
  if (bound_.empty() && !options_.bind.empty() && options_.unix_path.empty()) {
    return Status(Code::kInvalid,
                  "bind: none of its addresses can be listened on, and there is no unixsocket");
  }
  return Status::Ok();
}

Status Listeners::BindAddress(const std::string& name, std::vector<std::string>* notices) {
  const bool optional = !name.empty() && name[0] == '-';
  int skip_errno = 0;
  Status status = BindTcp(optional ? name.substr(1) : name, &skip_errno);
  if (status.ok()) return status;
  // As in Redis: a protocol that the machine lacks is no error, even of what is not optional.
  if (!(optional && IsMissing(skip_errno)) && !IsUnsupported(skip_errno)) return status;
  if (!optional) notices->push_back(status.message() + "; going without");
  return Status::Ok();
}

// `skip_errno` says why, if an optional address may be left out for it.
Status Listeners::BindTcp(const std::string& name, int* skip_errno) {
  Addresses found(nullptr, freeaddrinfo);
  const int unresolved = Resolve(name, options_.port, options_.stop, &found);
  if (unresolved != 0) {
    *skip_errno = unresolved == EAI_SYSTEM ? errno : EADDRNOTAVAIL;
    if (unresolved == EAI_ADDRFAMILY || unresolved == EAI_FAMILY) *skip_errno = EAFNOSUPPORT;
    return Status(Code::kInvalid, "bind: '" + name + "' is not an address of this machine: " +
                                      gai_strerror(unresolved));
  }
  int error = 0;
  std::string readable;
  for (const addrinfo* at = found.get(); at != nullptr; at = at->ai_next) {
    Bound bound{-1, name, "", {}};
    std::memcpy(&bound.address, at->ai_addr, at->ai_addrlen);
    readable = bound.readable = TextOf(bound.address);
    if (const Bound* rival = Rival(bound.address)) {
      return Status(Code::kInvalid, "bind: '" + name + "' and '" + rival->name +
                                        "' mean the same address; remove one of them");
    }
    bound.fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bound.fd >= 0) {
      const int one = 1;
      setsockopt(bound.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
      if (at->ai_family == AF_INET6)
        setsockopt(bound.fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
      if (bind(bound.fd, at->ai_addr, at->ai_addrlen) == 0) {
        bound_.push_back(bound);
        return Status::Ok();
      }
    }
    error = errno;
    if (bound.fd >= 0) close(bound.fd);
  }
  *skip_errno = error;
  return CannotListen(name, readable, error);
}

const Listeners::Bound* Listeners::Rival(const sockaddr_storage& address) const {
  for (const Bound& bound : bound_)
    if (Overlap(bound.address, address)) return &bound;
  return nullptr;
}

Status Listeners::CheckUnix() const {
  const std::string& path = options_.unix_path;
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return UnixRefused(path, "the path has " + std::to_string(path.size()) +
                                 " bytes, and the system takes at most " +
                                 std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
                                 ": choose a shorter one");
  }
  const size_t slash = path.rfind('/');
  const std::string dir = slash == std::string::npos ? "."
                          : slash == 0               ? "/"
                                                     : path.substr(0, slash);
  if (access(dir.c_str(), W_OK | X_OK) != 0)
    return UnixRefused(path, "no file can be made in " + dir + ": " + strerror(errno));
  struct stat there;
  if (lstat(path.c_str(), &there) != 0) return Status::Ok();
  if (!S_ISSOCK(there.st_mode))
    return UnixRefused(path, "is there already, and is not a socket: remove it, or choose another");
  if (SomebodyListens(path))
    return UnixRefused(path, "another server listens there: stop it, or choose another path");
  return Status::Ok();
}

Status Listeners::Listen(std::vector<ListenSocket>* sockets, std::vector<std::string>* readable) {
  for (const Bound& bound : bound_) {
    if (listen(bound.fd, options_.backlog) == 0) continue;
    Status status = CannotListen(bound.name, bound.readable, errno);
    Close();
    return status;
  }
  if (!options_.unix_path.empty()) {
    Result<int> fd = ListenUnix();
    if (!fd.ok()) {
      Close();
      return fd.status();
    }
    sockets->push_back(ListenSocket{fd.value(), true});
  }
  for (const Bound& bound : bound_) {
    sockets->push_back(ListenSocket{bound.fd, false});
    readable->push_back(bound.readable);
  }
  bound_.clear();
  if (!options_.unix_path.empty()) readable->push_back(options_.unix_path);
  return Status::Ok();
}

Result<int> Listeners::ListenUnix() {
  const std::string& path = options_.unix_path;
  Status status = CheckUnix();
  if (!status.ok()) return status;
  const sockaddr_un address = UnixAddress(path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return UnixRefused(path, strerror(errno));
  unlink(path.c_str());
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    unix_made_ = true;
    if ((options_.unix_mode == 0 || chmod(path.c_str(), options_.unix_mode) == 0) &&
        listen(fd, options_.backlog) == 0)
      return fd;
  }
  status = UnixRefused(path, strerror(errno));
  close(fd);
  return status;
}

void Listeners::Close() {
  for (const Bound& bound : bound_) close(bound.fd);
  bound_.clear();
  if (unix_made_) unlink(options_.unix_path.c_str());
  unix_made_ = false;
}

}  // namespace cairn
