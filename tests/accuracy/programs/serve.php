<?php
// For php -S and php-fpm. UPSTREAM_PORT is in the environment. Under FPM /up/N/after is called when the answer is out.
function call(string $number, string $what): string
{
    return file_get_contents('http://127.0.0.1:' . getenv('UPSTREAM_PORT') . "/up/$number/$what");
}

$number = basename(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
call($number, 'a');
usleep(random_int(0, 5000));
call($number, 'b');
header('Content-Type: text/plain');
header('Content-Length: ' . strlen($number));
echo $number;
if (function_exists('fastcgi_finish_request')) {
    fastcgi_finish_request();
    call($number, 'after');
}
