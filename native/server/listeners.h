// Listeners: the addresses of `bind` and the Unix socket, on their way to be listened on.
//
// In two steps, because a recovery may take minutes and what is wrong with an address should not
// wait for it: Bind before the data directory is opened, Listen after. In between a TCP port is
// held (another server that listens there was noticed, and none that checks the port gets it), but
// clients are still refused: they do not hang in a queue that nobody serves. A Unix socket is only
// looked at by Bind and made by Listen: by then the directory is locked, so that a second server
// that was started by mistake does not take away the path of the first.
//
// Addresses are as in Redis: a leading `-` makes one optional, `*` stands for all of IPv4, `::*`
// for all of IPv6, what has a colon is IPv6, and names are resolved. One thread at a time.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "reactor/reactor.h"

namespace cairn {

struct ListenOptions {
  std::vector<std::string> bind;
  uint16_t port = 0;  // 0: no TCP
  int backlog = 511;
  std::string unix_path;  // empty: none
  uint32_t unix_mode = 0;
  // Set by somebody else when nothing is to begin any more: a name that no server of names answers
  // for takes half a minute.
  const std::atomic<bool>* stop = nullptr;
};

class Listeners {
 public:
  Listeners() = default;
  ~Listeners() { Close(); }
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  // Adds to `notices` a sentence for each address that is left out. After an error nothing is held.
  Status Bind(const ListenOptions& options, std::vector<std::string>* notices);
  // Hands over the sockets. `readable`: one line for each.
  Status Listen(std::vector<ListenSocket>* sockets, std::vector<std::string>* readable);
  // Closes what was not handed over, and removes the Unix socket that Listen made.
  void Close();

 private:
  struct Bound {
    int fd;
    std::string name;      // as in the configuration
    std::string readable;  // address and port
    sockaddr_storage address;
  };

  Status BindAddress(const std::string& name, std::vector<std::string>* notices);
  Status BindTcp(const std::string& name, int* skip_errno);
  // The one that listens there already, if there is one; nullptr otherwise.
  const Bound* Rival(const sockaddr_storage& address) const;
  Status CheckUnix() const;
  Result<int> ListenUnix();

  ListenOptions options_;
  std::vector<Bound> bound_;
  bool unix_made_ = false;
};

}  // namespace cairn
