# The suite is that of Redis 7.0. Since 7.2 small lists, and sets of few texts, are packed, and so they are here.
rename assert_encoding assert_encoding_of_7_0
proc assert_encoding {enc key} {
    if {!$::ignoreencoding && [r object encoding $key] eq "listpack"} {
        if {$enc eq "quicklist" && [r type $key] eq "list"} return
        if {$enc eq "hashtable" && [r type $key] eq "set"} return
    }
    uplevel 1 [list assert_encoding_of_7_0 $enc $key]
}
