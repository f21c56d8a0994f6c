/* Which functions are plumbing, by their names and symbols. */
#include "base/compiler.h"
#include "trace/plumbing.h"

#include <criterion/criterion.h>
#include <string.h>

Test(plumbing, is_known_by_its_symbols)
{
    static const struct {
        const char *symbol;
        bool is_plumbing;
    } SYMBOLS[] = {
        {"_ZN3std2io5Write9write_all17h0123456789abcdefE", true},
        {"_ZN59_$LT$std..net..tcp..TcpStream$u20$as$u20$std..io..Write$GT$5write17h0123456789abcdefE", true},
        {"_ZN63_$LT$$RF$std..net..tcp..TcpStream$u20$as$u20$std..io..Write$GT$5write17h0123456789abcdefE", true},
        {"_ZN5hyper6client17h0123456789abcdefE", true},
        {"_ZN4shop3pay17h0123456789abcdefE", false},
        {"_ZN45_$LT$shop..Cart$u20$as$u20$std..io..Write$GT$5write17h0123456789abcdefE", false},
        {"_RNvNtCs6nTzEfOMZ8H_3std2io8write_all", true},
        {"_RNvXs_NtNtCs6nTzEfOMZ8H_3std3net3tcpNtB4_9TcpStreamNtNtB8_2io5Write5write", true},
        {"_RNvC4shop3pay", false},
        {"_RINvCs1_4shop3payNtNtCs6nTzEfOMZ8H_3std3net9TcpStreamE", false},
        {"_RNvCs", false},
        {"_RNvCs1_99std", false},
        {"_ZNSt6thread5startEv", true},
        {"_ZNKSt8functionIFvvEEclEv", true},
        {"_ZSt4copyIPcS0_ET0_T_S2_S1_", true},
        {"_ZN5boost4asio6detail10socket_ops4sendEv", true},
        {"_ZN5boost3any3getEv", false},
        {"_ZN4shop4Cart3payEi", false},
        {"_ZN3std", true},
        {"_ZN", false},
        {"_ZN9999999999999std", false},
        {"send_order", false},
        {"std", false},
        {"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(SYMBOLS); i++)
        cr_expect_eq(plumbing_has_symbol(SYMBOLS[i].symbol), SYMBOLS[i].is_plumbing, "%s", SYMBOLS[i].symbol);
}

Test(plumbing, is_known_by_its_names)
{
    static const struct {
        const char *name;
        bool is_plumbing;
    } NAMES[] = {
        {"std::io::Write::write_all", true},   {"<std::net::tcp::TcpStream>::write", true},
        {"&std::fs::File::write", true},       {"core::ops::function::FnOnce::call_once", true},
        {"boost::asio::write", true},          {"boost::any::get", false},
        {"shop::Cart::pay", false},            {"shop::std::pay", false},
        {"std", false},                        {"std::", false},
        {"standard::pay", false},              {"main", false},
        {"", false},                           {"<", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        cr_expect_eq(plumbing_has_name(NAMES[i].name, strlen(NAMES[i].name)), NAMES[i].is_plumbing, "%s",
                     NAMES[i].name);
}
